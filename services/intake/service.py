"""The door, put together."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from contracts.topics import CASE_EVENTS, submit
from services.intake import holdings, submitted
from services.intake.door import Door
from services.intake.http import Routes, application
from services.intake.ledger import Ledger
from services.intake.notices import Notices
from services.intake.publishers import Publishers
from services.intake.schemas import Schemas, Subscribed
from services.intake.states import GROUP, States
from services.intake.submitted import Submitted
from services.runtime.face import Runtime
from services.runtime.operator import operator
from services.runtime.subscription import Subscription, by_place


def build(runtime: Runtime) -> FastAPI:
    """Register what the door follows on Kafka, and return its routes.

    The topics of publishers are those of the file at the start; one that is added later can use HTTP at once, and
    Kafka after a restart.
    """
    publishers = Publishers(runtime.settings.publishers)
    ledger = Ledger(runtime.clock, runtime.ids, runtime.secrets.key_secret)
    heard = frozenset(publisher.name for publisher in publishers.all())
    states = States(Notices(heard, ledger))
    runtime.subscribe(Subscription(GROUP, (CASE_EVENTS.name,), states.keep))
    _follow_publishers(runtime, publishers, ledger)
    runtime.holds(*holdings.HOLDINGS, messages=holdings.MESSAGES)
    subscribed = Subscribed(runtime.settings.subscribers)
    return application(
        Routes(Door(runtime.store, ledger), publishers), Schemas(subscribed.now, operator(runtime.secrets))
    )


def described() -> dict[str, Any]:
    """The door in OpenAPI 3.1, without a door: its routes are looked at and never asked."""
    return application(Routes.__new__(Routes), Schemas.__new__(Schemas)).openapi()


def _follow_publishers(runtime: Runtime, publishers: Publishers, ledger: Ledger) -> None:
    topics = tuple(submit(publisher.name).name for publisher in publishers.all())
    if not topics:
        return
    runtime.subscribe(Subscription(submitted.GROUP, topics, Submitted(publishers, ledger).apply, by_place))
