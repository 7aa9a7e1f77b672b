"""What an agency bears, as the agency sees it: so many calls at once, so many a second, and fewer when it says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from aiohttp import web

from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from adapters.spec import Features
from services.dispatch.deliveries import Deliveries
from services.runtime.gate import Gate
from services.runtime.settings import Settings
from tests.dispatch.agency import Customs, Fault, served, vin
from tests.dispatch.workshop import AMPLE, Site, declaration, quick, until

AHEAD_S: Final = 0.06
"""The gate's timers are coarse: so much of a second's calls may come early."""


@dataclass
class Office(Customs):
    """It counts who is inside, and refuses who comes when it is full."""

    desks: int = 1000
    linger_s: float = 0.0
    gate: Gate | None = None
    inside: int = 0
    busiest: int = 0
    refused: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    """Until then nobody who came in leaves again."""
    came: list[float] = field(default_factory=list)
    allowed: list[int] = field(default_factory=list)
    """How many calls at once the gate allowed, as each came."""

    def __post_init__(self) -> None:
        self.opened.set()

    async def declare(self, request: web.Request) -> web.StreamResponse:
        """Serve whoever finds a desk."""
        self._count()
        self.inside += 1
        self.busiest = max(self.busiest, self.inside)
        try:
            if self.inside > self.desks:
                self.refused += 1
                return web.Response(status=429)
            await self.opened.wait()
            await asyncio.sleep(self.linger_s)
            return await Customs.declare(self, request)
        finally:
            self.inside -= 1

    async def look_up(self, request: web.Request) -> web.StreamResponse:
        """Look-ups are calls, too."""
        self._count()
        return await Customs.look_up(self, request)

    def _count(self) -> None:
        self.came.append(asyncio.get_running_loop().time())
        if self.gate is not None:
            self.allowed.append(self.gate.allowed)


Play = Callable[[Office, Callable[[Site, Deliveries], Awaitable[None]]], None]


@pytest.fixture
def limited(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Play]:
    """Play with an organisation that has limits of its own."""

    def limit(features: Features = Features.IDEMPOTENT, **limits: Any) -> Play:
        monkeypatch.setitem(ADAPTERS, "customs", quick(features, in_place_for=AMPLE))
        monkeypatch.setitem(ORGANISATIONS, "customs", ORGANISATIONS["customs"].model_copy(update=limits))

        async def within(office: Office, scenario: Callable[[Site, Deliveries], Awaitable[None]]) -> None:
            office.knows_keys = features is Features.IDEMPOTENT
            async with served(office) as url:
                where = Site(settings, url, office, silence=office.silence)
                async with where.working() as worker:
                    office.gate = worker.deliveries.attempts.gate
                    await scenario(where, worker.deliveries)
                    await worker.nothing_parked()

        return lambda office, scenario: asyncio.run(within(office, scenario))

    return limit


async def _all_at_once(deliveries: Deliveries, cars: range) -> None:
    async with asyncio.TaskGroup() as lanes:
        for number in cars:
            lanes.create_task(deliveries.handle(declaration(vin(number), number), None))


def _rate_is_kept(came: list[float], began: float, per_second: float) -> None:
    for number, at in enumerate(sorted(came)):
        assert at - began >= number / per_second - AHEAD_S, f"call {number}"


async def _queued(office: Office, deliveries: Deliveries, cars: range) -> list[asyncio.Task[None]]:
    """One lane a car: each comes to the gate when those before it stand there; then as many as may are inside."""
    gate = office.gate
    assert gate is not None
    lanes: list[asyncio.Task[None]] = []
    for number in cars:
        lanes.append(asyncio.create_task(deliveries.handle(declaration(vin(number), number), None)))
        await until(lambda: gate.running + gate.waiting == len(lanes))
    await until(lambda: len(office.came) == gate.running == gate.allowed)
    return lanes


def _nobody_jumped_the_queue(office: Office, cars: range, at_once: int) -> None:
    """Whoever stood before somebody that came in had come in too, or was on the way in."""
    came = [number for car in office.calls for number in cars if vin(number) == car]
    for place, number in enumerate(came):
        assert len(set(range(cars.start, number)) - set(came[:place])) < at_once, came


def test_no_agency_sees_more_calls_than_it_bears(limited: Callable[..., Play]) -> None:
    """Neither at once nor a second, whatever waits; and who came first is served first."""
    office, cars = Office(linger_s=0.01), range(40)

    async def scenario(_: Site, deliveries: Deliveries) -> None:
        office.opened.clear()
        lanes = await _queued(office, deliveries, cars)
        inside, began = len(office.came), asyncio.get_running_loop().time()
        office.opened.set()
        await asyncio.gather(*lanes)
        _rate_is_kept(office.came[inside:], began, 50)

    limited(concurrency=3, per_second=50.0)(office, scenario)
    assert office.busiest <= 3
    assert sorted(car for car, _ in office.effects) == sorted(vin(number) for number in cars)
    _nobody_jumped_the_queue(office, cars, 3)


def test_look_ups_count_as_calls(limited: Callable[..., Play]) -> None:
    """Each waits for a turn of its own, so that a limit a second holds for all that the agency sees."""
    office = Office(calls_go={vin(number): [Fault("500")] for number in range(4)})

    async def scenario(_: Site, deliveries: Deliveries) -> None:
        began = asyncio.get_running_loop().time()
        await _all_at_once(deliveries, range(4))
        _rate_is_kept(office.came, began, 20)

    limited(Features.QUERYABLE, per_second=20.0)(office, scenario)
    assert len(office.came) == len(office.calls) + len(office.look_ups) >= 12
    assert len(office.effects) == 4


def test_an_overloaded_agency_gets_half_as_many_and_then_more_again(limited: Callable[..., Play]) -> None:
    """429 halves what goes at once until it fits; nobody starves; once there is room, good answers bring it back."""
    office = Office(desks=4, linger_s=0.02)

    async def scenario(_: Site, deliveries: Deliveries) -> None:
        await _all_at_once(deliveries, range(80))
        levels = list(dict.fromkeys(office.allowed))
        assert levels[:2] == [16, 8]
        assert min(levels) <= 4
        assert len(office.effects) == 80
        office.desks = 1000
        await _all_at_once(deliveries, range(100, 300))
        assert deliveries.attempts.gate.allowed == 16

    limited(concurrency=16)(office, scenario)
    assert office.refused > 0
    assert len(office.effects) == 280
