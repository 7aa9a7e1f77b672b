"""What one process finds out about an organisation all know, also after a restart; a person's word is above it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from services.dispatch.breakers import Breakers, Pause
from services.runtime import database
from services.runtime.breaker import FAILURES_TO_OPEN, Breaker, State
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.gate import Gate
from services.runtime.settings import Settings
from services.runtime.store import Store, StoreUnavailable
from tests.dispatch.office import WHY, SetClock, office

Until = Callable[..., Any]
HOUR_S: Final = 3600.0
NOON: Final = Pause("li", "maintenance until noon", 1.0)


class Process(Gate):
    """A gate of a process of dispatch, and what it shares its breaker by."""

    breakers: Breakers

    async def told(self, turn: Callable[..., Any], *args: Any) -> State:
        """A person's word, given here; how the organisation stands here then."""
        return self.breakers.decided(
            await self.breakers.store.run(lambda connection: turn(connection, "police", *args))
        )

    async def pause(self, word: Pause = NOON) -> State:
        return await self.told(self.breakers.holding, word)

    async def resume(self) -> State:
        return await self.told(self.breakers.letting_go, time.time())


@asynccontextmanager
async def process(
    settings: Settings, who: str, late_s: float = 0.0, store: Store | None = None
) -> AsyncIterator[Process]:
    """A process of dispatch, as far as its breakers go; its clock may be late."""
    store = store or open_store(settings, "dispatch")
    store.start()
    gate = Process(Breaker("police"), 8)
    gate.breakers = Breakers(store, Clock(offset=-timedelta(seconds=late_s)), who)
    gate.breakers.add(gate)
    sharing = asyncio.create_task(gate.breakers.run())
    try:
        async with asyncio.timeout(60):
            await gate.breakers.known.wait()
        yield gate
    finally:
        sharing.cancel()
        await asyncio.gather(sharing, return_exceptions=True)
        await store.stop()


async def _written(gate: Process, until: Until) -> None:
    """What it found out is in the table."""
    await until(lambda: gate.breakers._shared["police"].unwritten is None)


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
    """The next process waits out the rest of the hour, and never more than an hour, however wrong its clock is."""

    async def play() -> None:
        async with process(settings, "one") as one:
            one.breaker.failed("busy", 3600.0)
            async with process(settings, "witness") as witness:
                await until(lambda: witness.breaker.state is State.OPEN)
        for late_s, left_s in ((0.0, HOUR_S), (-HOUR_S / 2, HOUR_S / 2), (HOUR_S, HOUR_S)):
            async with process(settings, f"after {late_s} s", late_s) as after:
                assert after.breaker.state is State.OPEN
                assert left_s - 600 < after.breaker.probe_at - after.breaker.now() <= left_s

    asyncio.run(play())


def test_a_persons_pause_holds_everywhere_until_a_person_ends_it(settings: Settings, until: Until) -> None:
    """Who waits elsewhere is let in by the word of a person here."""

    async def play() -> None:
        async with process(settings, "one") as one, process(settings, "two") as two:
            assert await one.pause() is State.OPEN
            await until(lambda: two.breaker.reason == NOON.reason)
            assert two.breakers.pause("police") == NOON
            waiting = asyncio.create_task(two.enter(lambda: None, 60.0))
            await until(lambda: two.waiting == 1)
            assert await one.resume() is State.OPEN, "nobody waits here: the next call probes"
            async with asyncio.timeout(60):
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


def test_a_pause_is_there_after_a_crash_that_came_right_after_the_answer(settings: Settings) -> None:
    """Nothing of that process ever wrote behind the answer; the next one holds before it consumes anything."""

    async def play() -> None:
        async with office(settings) as desk:
            assert (await desk.told("POST", "/organisations/police/pause", WHY))["state"] == "open"
        async with office(settings, "breakers", slot="1") as after:
            (ready,) = after.runtime.firsts
            async with asyncio.timeout(60):
                await ready()
            breaker = after.deliveries().breaker
            assert (breaker.state, breaker.reason, breaker.admits()) == (State.OPEN, WHY["reason"], False)
            police = next(one for one in await after.told("GET", "/organisations") if one["id"] == "police")
            assert (police["state"], police["paused_by"]) == ("open", WHY["by"])

    asyncio.run(play())


def test_a_pause_and_the_act_that_tells_of_it_are_one(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the second cannot be stored, the first is not either, and the person hears no yes."""

    def broken(*_: Any, **__: Any) -> None:
        raise StoreUnavailable

    async def play() -> None:
        async with office(settings) as desk:
            monkeypatch.setattr(Breakers, "holding", broken)
            assert (await desk.ask("POST", "/organisations/police/pause", WHY))[0] == 503
            acts = await desk.store.read(lambda connection: connection.execute(text("select act from acts")).all())
            assert (acts, desk.deliveries().breaker.state) == ([], State.CLOSED)

    asyncio.run(play())


@pytest.mark.parametrize("found", ["succeeded", "busy", "abandoned"])
def test_what_a_probe_elsewhere_finds_lifts_no_persons_pause(settings: Settings, until: Until, found: str) -> None:
    """It was under way when the person spoke; what it found counts once a person resumes."""

    async def play() -> None:
        async with process(settings, "one") as one, process(settings, "two") as two:
            two.breaker.failed("busy", 0.0)
            assert two.breaker.admits()
            await _written(two, until)
            await one.pause()
            {
                "succeeded": two.breaker.succeeded,
                "busy": lambda: two.breaker.failed("busy", HOUR_S),
                "abandoned": two.breaker.abandoned,
            }[found]()
            await _written(two, until)
            async with process(settings, "three") as three:
                for each in (one, two, three):
                    await each.breakers.look()
                    assert (each.breaker.reason, each.breaker.admits()) == (NOON.reason, False)
            assert two.breaker.own is {"succeeded": State.CLOSED}.get(found, State.OPEN)

    asyncio.run(play())


def test_no_clock_decides_what_a_person_wants(settings: Settings) -> None:
    """One process is an hour behind the other: each hears the other's pause and the other's resume."""

    async def play() -> None:
        async with process(settings, "one") as one, process(settings, "late", HOUR_S) as late:
            for here, there, at in ((one, late, time.time()), (late, one, time.time() - HOUR_S)):
                await here.pause(Pause("li", "by the clock here", at))
                await there.breakers.look()
                assert (there.breaker.reason, there.breaker.admits()) == ("by the clock here", False)
                await there.told(there.breakers.letting_go, 2 * time.time() - HOUR_S - at)
                await here.breakers.look()
                assert (here.breaker.held, here.breaker.admits()) == (None, True)

    asyncio.run(play())


@pytest.mark.parametrize("late_s", [HOUR_S, -HOUR_S])
def test_a_pause_that_was_asked_for_lasts_as_long_by_a_wrong_clock(
    settings: Settings, until: Until, late_s: float
) -> None:
    """A minute is a minute, for who hears of it from an hour ago and who hears of it from an hour ahead."""

    async def play() -> None:
        async with process(settings, "one") as one, process(settings, "wrong", late_s) as wrong:
            one.breaker.failed("busy", 60.0)
            await until(lambda: wrong.breaker.state is State.OPEN)
            assert 50 < wrong.breaker.probe_at - wrong.breaker.now() <= 60

    asyncio.run(play())


def test_of_two_findings_at_once_the_one_that_holds_longer_counts(settings: Settings, until: Until) -> None:
    """Who comes second with the longer pause writes it on top; who comes second with less takes over what is there."""

    async def play() -> None:
        async with process(settings, "one") as one, process(settings, "two") as two:
            _down(one)
            two.breaker.failed("busy", 60.0)
            await until(lambda: one.breaker.reason == two.breaker.reason == "busy")
            for each in (one, two):
                assert each.breaker.probe_at - each.breaker.now() > 50

    asyncio.run(play())


def test_a_resume_is_told_as_what_it_became(settings: Settings, until: Until) -> None:
    """Not held at all: as it was; somebody waits: being probed; nobody waits: open, until the next call probes."""

    async def play() -> None:
        async with process(settings, "one") as one:
            assert await one.resume() is State.CLOSED
            await one.pause()
            waiting = asyncio.create_task(one.enter(lambda: None, 60.0))
            await until(lambda: one.waiting == 1)
            assert await one.resume() is State.HALF_OPEN
            assert await waiting
            assert await one.resume() is State.HALF_OPEN, "it is being probed already"
            one.breaker.failed("busy", HOUR_S)
            await _written(one, until)
            assert await one.resume() is State.OPEN
            assert one.breaker.admits()

    asyncio.run(play())


def test_when_a_breaker_turned_is_told_by_the_service_s_clock(settings: Settings) -> None:
    """As all that the service tells: where its clock is wrong, it is wrong everywhere by as much."""

    async def play() -> None:
        clock = SetClock()
        clock.pass_(timedelta(hours=-1))
        async with office(settings, clock=clock) as desk:
            breaker, before = desk.deliveries().breaker, clock.now().timestamp()
            for _ in range(FAILURES_TO_OPEN):
                breaker.failed("unavailable")
            (police,) = [one for one in await desk.told("GET", "/organisations") if one["id"] == "police"]
            assert police["state"] == "open"
            assert before <= police["since"] <= clock.now().timestamp()

    asyncio.run(play())


def test_an_outage_began_when_it_began_however_often_it_is_probed(settings: Settings, until: Until) -> None:
    """Failed probes, other processes, a restart and a probe that a person wants leave that; its end ends it."""

    async def play() -> None:
        async with process(settings, "one") as one, process(settings, "two") as two:
            clock = one.breakers.clock = SetClock()
            up = one.breakers.since("police")
            clock.pass_(timedelta(minutes=5))
            _down(one)
            began = one.breakers.since("police")
            assert began >= up + 300
            for _ in range(3):
                clock.pass_(timedelta(minutes=1))
                one.breaker.due_at = 0.0
                assert one.breaker.admits()
                one.breaker.failed("unavailable: no connection")
                await _written(one, until)
                assert one.breakers.since("police") == began
            assert one.breakers.probe_at("police") == pytest.approx(clock.now().timestamp(), abs=16)
            await two.breakers.look()
            assert two.breakers.since("police") == began
            two.breaker.due_at = 0.0
            assert two.breaker.admits()
            assert (two.breakers.since("police"), two.breakers.probe_at("police")) == (began, None)
            two.breaker.abandoned()
            await _written(two, until)
            await one.pause()
            assert (one.breakers.since("police"), one.breakers.probe_at("police")) == (NOON.since, None)
            await one.resume()
            assert one.breakers.since("police") == began
            async with process(settings, "three") as three:
                assert three.breakers.since("police") == began
                three.breakers.clock = clock
                three.breaker.succeeded()
                up = three.breakers.since("police")
                assert up > began
                await _written(three, until)
                _down(three)
                assert three.breakers.since("police") >= up

    asyncio.run(play())


def test_an_outage_that_two_find_began_when_the_first_wrote_it(settings: Settings, until: Until) -> None:
    """Also where what the second was told, not having heard of the first, holds longer and is written on top."""

    async def play() -> None:
        async with process(settings, "one") as one, process(settings, "ahead", -HOUR_S) as two:
            _down(one)
            await _written(one, until)
            two.breaker.failed("busy", 60.0)
            await until(lambda: one.breaker.reason == two.breaker.reason == "busy")
            await until(lambda: one.breakers.since("police") == two.breakers.since("police"))
            assert one.breakers.since("police") < time.time() + HOUR_S / 2

    asyncio.run(play())


def test_nothing_is_known_before_the_table_was_read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away keeps a new process from consuming: what a person said yesterday stands in it."""
    real, tried = Store.run, asyncio.Event()

    async def run(self: Store, op: Callable[..., Any], *, alone: bool = False) -> Any:
        if not tried.is_set():
            tried.set()
            raise StoreUnavailable
        return await real(self, op, alone=alone)

    async def play() -> None:
        async with process(settings, "one") as one:
            await one.pause()
        monkeypatch.setattr(Store, "run", run)
        store = open_store(settings, "dispatch")
        store.start()
        gate, breakers = Gate(Breaker("police"), 8), Breakers(store, Clock(), "two")
        breakers.add(gate)
        sharing = asyncio.create_task(breakers.run())
        async with asyncio.timeout(60):
            await tried.wait()
            assert not breakers.known.is_set()
            await breakers.known.wait()
        assert not gate.breaker.admits()
        sharing.cancel()
        await asyncio.gather(sharing, return_exceptions=True)
        await store.stop()

    asyncio.run(play())


def test_a_pause_from_before_the_upgrade_is_kept(settings: Settings) -> None:
    """It stood in another table, as an open breaker that nothing would probe; what was automatic there stays so."""
    store = open_store(settings, "dispatch")
    with store.writer.connect() as connection, connection.begin():
        _migrated(connection, "dispatch_0001", command.downgrade)
        for row in (("police", "maintenance", None), ("tax", "busy", 9.0)):
            values = dict(zip(("name", "reason", "probe_at"), row, strict=True))
            connection.execute(text("insert into breaker values (:name, 'open', 5, :reason, :probe_at, 'one')"), values)
    with store.writer.connect() as connection, connection.begin():
        _migrated(connection, "head", command.upgrade)
        rows = connection.execute(text("select organisation, state, pause_reason, paused_at, turned from breakers"))
        assert sorted(map(tuple, rows)) == [("police", "closed", "maintenance", 5.0, 1), ("tax", "open", None, None, 0)]
    store.writer.dispose()
    store.reader.dispose()


def _migrated(connection: Any, to: str, way: Callable[..., None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(database._migrations_of("runtime").parent))
    config.set_main_option("version_locations", str(database._migrations_of("dispatch")))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, version_table="alembic_dispatch")
    way(config, to)
