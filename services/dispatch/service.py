"""The dispatch service: lanes for every organisation, and the operators' interface to what waits."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from adapters.organisations import ORGANISATIONS, UNFIT, Organisation
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Features
from contracts import topics
from services.runtime.breaker import Breaker
from services.runtime.face import Runtime
from services.runtime.gate import Gate
from services.runtime.identities import Identities
from services.runtime.lanes import Lane
from services.runtime.live import Live
from services.runtime.owner import Fence

from . import door, holdings, notices
from .attempts import Attempts
from .book import Book
from .breakers import Breakers
from .callbacks import CallbackDoor
from .calls import Agency
from .carriers.http import connections
from .consumers import consumer_of
from .deliveries import Deliveries
from .desk import problems
from .desk.counter import Counter
from .desk.decisions import Decisions
from .desk.desk import Desk
from .desk.held import Holding
from .desk.retention import Retention
from .desk.routes import routes
from .desk.runner import Runner
from .desk.search import Searching
from .mailbox import Mailbox
from .notifiers import Notifiers
from .refusals import Refusals
from .seals.agreed import agreed
from .voice import Voice
from .ways import Ways


def build(runtime: Runtime) -> FastAPI:
    """Open a counter for every organisation and give operators their interface.

    Raises `LookupError` where an adapter cannot be loaded: commands to its organisations would find nobody.
    """
    if UNFIT:
        raise LookupError("; ".join(map(str, UNFIT.values())))
    http = {features: connections(features) for features in Features}
    for session in http.values():
        runtime.closing(session.close)
    who = f"{runtime.slot}/{os.getpid()}@{time.time_ns()}"
    breakers = Breakers(runtime.store, runtime.clock, who)
    mailbox = Mailbox(runtime.store, runtime.clock)
    ways = Ways(runtime, http, Identities(runtime.settings), Live(runtime.settings.live))
    counters = {name: _counter(runtime, one, ways, mailbox) for name, one in ORGANISATIONS.items()}
    for counter in counters.values():
        breakers.add(counter.deliveries.attempts.gate)
    runtime.background("breakers", breakers.run)
    runtime.first(breakers.known.wait)
    runtime.holds(*holdings.holdings(runtime.settings), messages=holdings.MESSAGES)
    app = FastAPI(title="Tongche dispatch", docs_url=None, redoc_url=None)
    app.include_router(routes(_desk(runtime, who, breakers, counters), runtime.secrets))
    problems.install(app)
    refusals = Refusals(runtime.store, runtime.clock)
    runtime.background("refusals", refusals.run)
    door.install(app, _notices(runtime, counters), CallbackDoor(mailbox, refusals, _calling_back(counters)))
    return app


def _calling_back(counters: dict[str, Counter]) -> dict[str, Agency]:
    agencies = {name: counter.deliveries.attempts.agency for name, counter in counters.items()}
    return {name: agency for name, agency in agencies.items() if agency.adapter.calls_back}


def _notices(runtime: Runtime, counters: dict[str, Counter]) -> notices.NoticeDoor:
    voices = {name: counter.deliveries.attempts.voice for name, counter in counters.items()}
    notifiers = Notifiers(runtime.settings.notifiers)
    return notices.NoticeDoor(runtime.store, runtime.clock, runtime.ids, runtime.secrets.key_secret, notifiers, voices)


def _desk(runtime: Runtime, who: str, breakers: Breakers, counters: dict[str, Counter]) -> Desk:
    decisions = {counter.decisions.consumer: counter.decisions for counter in counters.values()}
    runner = Runner(runtime.store, runtime.clock, who, decisions)
    holding = Holding(runtime.store, counters)
    searching = Searching(runtime.store, counters, runtime.secrets.key_secret, holding)
    retention = Retention(runtime.store, runtime.clock, timedelta(days=runtime.settings.acts_kept_days))
    desk = Desk(runtime.store, runtime.clock, runtime.ids, breakers, counters, searching, runner)
    runner.acted = desk.acted
    runtime.background("repairs", runner.run)
    runtime.background("held", holding.run)
    runtime.background("retention", retention.run)
    return desk


def _counter(runtime: Runtime, organisation: Organisation, ways: Ways, mailbox: Mailbox) -> Counter:
    name = consumer_of(organisation.id)
    adapter: Adapter = ADAPTERS[organisation.adapter]
    known = partial(Notifiers(runtime.settings.notifiers).certificates, organisation.id)
    sealing = agreed(adapter.seal, ways.identities, known)
    granted = partial(ways.identities.granted, organisation.id)
    agency = Agency(organisation, ways.to(organisation), sealing, mailbox, runtime.clock, granted)
    limits = organisation.limits
    voice = Voice(organisation, runtime.clock, runtime.ids)
    book = Book(runtime.store, Fence(runtime.store, name, runtime.slot), agency.adapter.features, runtime.clock)
    gate = Gate(Breaker(organisation.id), limits.concurrency, limits.per_second)
    deliveries = Deliveries(Attempts(agency, voice, book, gate, runtime.clock), runtime.producer)
    lane = Lane(
        name,
        (topics.commands(organisation.id).name,),
        runtime.settings.kafka,
        runtime.slot,
        # Every lane in the window is at work: the gate limits the calls, and who waits there minds its own deadline.
        at_once=limits.records,
        records=limits.records,
        held_bytes=limits.bytes,
        session_s=runtime.settings.session_s,
    )
    runtime.background(f"lease {organisation.id}", book.fence.renew)
    runtime.background(f"parked {organisation.id}", deliveries.heads.run)
    decisions = Decisions(agency, voice, runtime.store, runtime.clock, name)
    return Counter(deliveries, runtime.work(lane, deliveries), decisions)
