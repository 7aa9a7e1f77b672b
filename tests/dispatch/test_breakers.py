"""What one process finds out about an organisation all processes know, and the next one after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.dispatch.breakers import Breakers
from services.runtime.breaker import FAILURES_TO_OPEN, Breaker, State
from services.runtime.database import open_store
from services.runtime.gate import Gate
from services.runtime.settings import Settings

Until = Callable[..., Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """One installation; every process opens its own store of it."""
    url = request.getfixturevalue("database") if request.param == "postgresql" else None
    return Settings(data=tmp_path, database=url)


@asynccontextmanager
async def process(settings: Settings, who: str) -> AsyncIterator[Gate]:
    """A process of dispatch, as far as its breakers go."""
    store = open_store(settings, "dispatch")
    store.start()
    gate = Gate(Breaker("police"), 8)
    breakers = Breakers(store, who)
    breakers.add(gate)
    sharing = asyncio.create_task(breakers.run())
    try:
        yield gate
    finally:
        sharing.cancel()
        await asyncio.gather(sharing, return_exceptions=True)
        await store.stop()


def _down(gate: Gate) -> None:
    for _ in range(FAILURES_TO_OPEN):
        gate.breaker.failed("unavailable: no connection")


def test_what_one_process_finds_down_all_hold_and_with_why(settings: Settings, until: Until) -> None:
    """And when it is back, all let go."""

    async def play() -> None:
        async with process(settings, "one") as one, process(settings, "two") as two:
            _down(one)
            await until(lambda: two.breaker.state is State.OPEN)
            assert two.breaker.reason == "unavailable: no connection"
            one.breaker.succeeded()
            await until(lambda: two.breaker.state is State.CLOSED)

    asyncio.run(play())


def test_a_pause_that_was_asked_for_survives_a_restart(settings: Settings, until: Until) -> None:
    """The next process waits out the rest of the hour and no more."""

    async def play() -> None:
        async with process(settings, "one") as one:
            one.breaker.failed("busy", 3600.0)
            async with process(settings, "witness") as witness:
                await until(lambda: witness.breaker.state is State.OPEN)
        async with process(settings, "two") as two:
            await until(lambda: two.breaker.state is State.OPEN)
            assert 3000 < two.breaker.probe_at - two.breaker.now() <= 3600

    asyncio.run(play())


def test_a_persons_pause_holds_everywhere_until_a_person_ends_it(settings: Settings, until: Until) -> None:
    """Who waits elsewhere is let in by the word of a person here."""

    async def play() -> None:
        async with process(settings, "one") as one, process(settings, "two") as two:
            one.breaker.pause("maintenance until noon")
            await until(lambda: two.breaker.reason == "maintenance until noon")
            waiting = asyncio.create_task(two.enter(lambda: False, 60.0))
            await until(lambda: two.waiting == 1)
            one.breaker.probe()
            async with asyncio.timeout(20):
                assert await waiting, "it should be the probe"

    asyncio.run(play())


def test_while_another_process_probes_this_one_waits(settings: Settings, until: Until) -> None:
    """A probe elsewhere is given time; only if nothing is heard of it does this process probe itself."""

    async def play() -> None:
        async with process(settings, "one") as one, process(settings, "two") as two:
            one.breaker.failed("busy", 0.0)
            assert one.breaker.admits()
            await until(lambda: two.breaker.state is State.OPEN)
            await until(lambda: two.breaker.probe_at > two.breaker.now() + 1)

    asyncio.run(play())
