"""The schemas of all versions and of all views, and where each lies in an export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from contracts.examples import examples
from contracts.registry import CONTRACTS
from contracts.versions import Versions
from contracts.views.plan import View as Offer
from contracts.views.reading import SEALED
from contracts.views.schema import offered, view_schema
from contracts.views.subscriber import Subscribers
from services.runtime.dataschema import current

_SAMPLE: Final = "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSJ9..c2FtcGxlLW5vLWtleQ.c2VhbGVk.c2FtcGxlLW5vLXRhZw"
"""The form of a sealed part: its head says ECDH-ES and A256GCM, the rest says that it is a sample."""


class View(NamedTuple):
    """The schema of what one subscriber gets of one version, its class, and what it gets of the examples."""

    subscriber: str
    contract: str
    version: int
    schema: dict[str, Any]
    grade: str
    examples: tuple[dict[str, Any], ...]


def all_versions() -> Iterator[tuple[Versions, int]]:
    """Every version of every contract, in the order of the registry."""
    return ((versions, number) for versions in CONTRACTS.values() for number in range(1, versions.newest + 1))


def views(subscribers: Subscribers) -> tuple[View, ...]:
    """Of everybody who subscribes, in the order of the file."""
    return tuple(_view(offer) for subscriber in subscribers.subscribers for offer in offered(subscriber))


def _view(offer: Offer) -> View:
    grant = offer.grant
    told = tuple(_seen(offer, data) for data in examples()[offer.type])
    return View(offer.subscriber.name, grant.contract, grant.version, view_schema(offer), offer.grade, told)


def _seen(offer: Offer, data: dict[str, Any]) -> dict[str, Any]:
    shown = offer.show(data)
    return shown.clear | ({SEALED: _SAMPLE} if shown.sealed else {})


def files(subscribers: Subscribers) -> dict[str, dict[str, Any]]:
    """Every schema by its file."""
    contracts = {file_of(versions.name, number): current(versions, number) for versions, number in all_versions()}
    shown = {file_of(view.contract, view.version, view.subscriber): view.schema for view in views(subscribers)}
    return contracts | shown


def file_of(contract: str, version: int, subscriber: str = "") -> str:
    """Where a schema lies in the folder of schemas."""
    return f"{f'to.{subscriber}/' if subscriber else ''}{contract}/v{version}.json"
