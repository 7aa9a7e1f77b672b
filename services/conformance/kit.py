"""One run of the kit over one organisation, from its address to its results."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import urlsplit

from adapters.bindings.files import FILE, RECEIPT
from adapters.organisations import Organisation
from adapters.spec import Adapter

from .agencies import agency
from .bed import Bed, Country, Loaded
from .car import car, number_of
from .case import Case
from .catalogue import cases
from .client import PATIENCE_S, Client, Sealing, as_it_is
from .door import Door
from .exchanges import Exchanges
from .neighbours import Knobs, Neighbours
from .result import address
from .run import Listener, Nobody, Run, played
from .stage import Stage
from .wire import Said, Silence, Way, Wire, wire

_HEALTH_S = 5.0
_EARLY_S = 5.0
"""So soon it is said that nobody calls back; nearly all who do are quicker."""


class Strangers(Exception):
    """Our simulator is there, and it has the keys of another installation: it would take nothing of ours."""


class Unreachable(Exception):
    """Nobody is there at all."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}")
        self.place = place
        self.why = why


class NoAgency(Exception):
    """Somebody is there who answers with pages for people."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place


def _unsealed(_: Adapter) -> Sealing:
    return as_it_is


def _by_http(_: Adapter, __: str) -> Way | None:
    return None


def _nothing(_: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Reach:
    """How agencies are reached from here: our seal for each and a stranger's, and the way to who has no HTTP.

    A stranger goes that way with a key that nobody registered. `granted` is what an organisation has granted us to be
    known by; `door` is ours, and open while a plan is played.
    """

    seal: Callable[[Adapter], Sealing] = _unsealed
    strangers_seal: Callable[[Adapter], Sealing] = _unsealed
    way: Callable[[Adapter, str], Way | None] = _by_http
    strangers_way: Callable[[Adapter, str], Way | None] = _by_http
    granted: Callable[[str], str | None] = _nothing
    door: Door | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run against whom.

    `url` is what stands before the organisation's id. `token` opens the simulator's knobs, if it is one. `only` names
    cases or kinds; empty, all.
    """

    adapter: Adapter
    organisation: str
    url: str
    against: Literal["url", "simulator"]
    round_: int
    day: date
    at: datetime
    token: str | None = None
    only: Sequence[str] = ()
    reach: Reach = Reach()
    patience_s: float = PATIENCE_S
    """How long to ask for what is under way."""
    files: str | None = None
    """Where it takes files, if that is how it is spoken to."""
    listener: Listener = field(default_factory=Nobody)

    @property
    def chosen(self) -> list[tuple[int, Case]]:
        """The cases to play, each with its place among all."""
        return [
            (index, case)
            for index, case in enumerate(cases(self.adapter))
            if not self.only or {case.id, case.kind} & set(self.only)
        ]

    @property
    def vins(self) -> list[str]:
        """Of all cars that may come."""
        numbers = (number_of(index, one) for index, case in self.chosen for one in range(case.cars))
        return [car(self.round_, number, self.day).vin for number in numbers]


async def run(plan: Plan, adapters: Mapping[str, Adapter], organisations: Mapping[str, Organisation]) -> Run:
    """Play all cases of a plan. Raises `Strangers`, `Unreachable` or `NoAgency`."""
    base = plan.url.rstrip("/")
    async with wire() as open_wire:
        way = plan.reach.way(plan.adapter, plan.organisation) or open_wire
        seal = plan.reach.seal(plan.adapter)
        granted = plan.reach.granted(plan.organisation)
        client = Client(
            plan.adapter, plan.organisation, base, way, seal, plan.reach.door, plan.patience_s, granted=granted
        )
        theirs = plan.reach.strangers_way(plan.adapter, plan.organisation) or open_wire
        await _demand_there(plan, client)
        stranger = replace(client, wire=theirs, seal=plan.reach.strangers_seal(plan.adapter))
        others = Neighbours(
            adapters,
            organisations,
            plan.organisation,
            base,
            open_wire,
            plan.reach.seal,
            plan.reach.way,
            plan.reach.door,
            plan.reach.granted,
        )
        bed = await _bed(plan, others)

        def stage(case: Case, index: int) -> Stage:
            noted = Exchanges()
            ours, theirs = replace(client, exchanges=noted), replace(stranger, exchanges=noted)
            return Stage(ours, theirs, bed, plan.round_, index, case.cars, plan.day)

        async with _watched(client, plan.listener):
            results = await played(plan.chosen, bed, stage, plan.listener)
    place = plan.files or base
    # Whoever asks may believe to ask somebody else.
    against = "simulator" if isinstance(bed, Country) else plan.against
    host, whole = urlsplit(place).netloc.rpartition("@")[2], address(place)
    return Run(agency(plan.adapter), plan.organisation, host, against, plan.round_, plan.at, results, whole)


@asynccontextmanager
async def _watched(client: Client, listener: Listener) -> AsyncIterator[None]:
    """Have it said soon and once where nobody calls back."""
    if client.door is None:
        yield
        return
    early = min(_EARLY_S, client.answer_s / 4)
    watch = asyncio.create_task(client.door.watch(early, client.answer_s, listener.unheard))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _demand_there(plan: Plan, client: Client) -> None:
    """Look whether anybody is there before he is asked a hundred things. Who only takes his time is there.

    Raises `Unreachable` or `NoAgency`.
    """
    operation = next(iter(client.adapter.operations.values()))
    url = operation.endpoint.url(client.base, client.organisation)
    names = {FILE: _NOBODYS, RECEIPT: _NOBODYS} if client.adapter.by_files else {}
    looks = Said("GET", url, names, b"")
    try:
        heard = await client.wire.say(looks, min(_HEALTH_S, operation.endpoint.timeout.total_seconds()))
    except Silence as silence:
        if "connection" in str(silence):
            raise Unreachable(plan.files or client.base, str(silence)) from None
        return
    if heard.status == HTTPStatus.OK and "html" in heard.headers.get("content-type", ""):
        raise NoAgency(client.base)


_NOBODYS: Final = "conformance-nobodys.xml"
"""The name of a file that nobody put down."""


async def _bed(plan: Plan, neighbours: Neighbours) -> Bed:
    """Our simulator plays the other agencies, too; elsewhere the partner has loaded what they would tell.

    Raises `Strangers`.
    """
    if not await _is_simulator(neighbours.base, neighbours.wire):
        return Loaded(neighbours.adapters, plan.adapter)
    knobs = Knobs(neighbours.base, plan.token or "", neighbours.wire)
    if not await knobs.are_ours():
        raise Strangers
    await knobs.announce(plan.vins)
    return Country(plan.organisation, neighbours.act, knobs.turned)


async def _is_simulator(base: str, wire_: Wire) -> bool:
    try:
        heard = await wire_.say(Said("GET", f"{base}/health", {}, b""), _HEALTH_S)
    except Silence:
        return False
    return b'"simulator"' in heard.raw
