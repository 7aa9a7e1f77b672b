"""The clock that leaps: everybody at once, forward only, and nothing that is measured inside a process with it."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.runtime import leaps
from services.runtime.clock import Clock
from services.runtime.leaps import Backwards, LeapingClock
from services.runtime.owner import Fence
from services.runtime.record import Place
from services.runtime.settings import Settings
from services.runtime.store import Store
from tests.runtime.bench import started

BEGAN = datetime(2026, 3, 2, 1, tzinfo=UTC)
A_MINUTE = timedelta(minutes=1)
HERE = Place("police.commands", 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A clock that begins on a morning in March."""
    found = tmp_path / "clock.json"
    leaps.set_out(found, BEGAN)
    return found


def test_a_clock_begins_when_its_file_says(file: Path) -> None:
    """And goes on from there, with the day that is then in China."""
    clock = LeapingClock(file=file)
    first = clock.now()
    assert BEGAN <= first < BEGAN + A_MINUTE
    assert clock.now() >= first
    assert clock.today() == date(2026, 3, 2)


def test_everybody_leaps_at_once(file: Path) -> None:
    """Who read the file before sees the leap as well as who reads it now, and no clock goes back for it."""
    others = [LeapingClock(file=file) for _ in range(3)]
    assert all(clock.now() < BEGAN + A_MINUTE for clock in others)
    leaps.leap(file, BEGAN + timedelta(days=61))
    assert all(clock.now() >= BEGAN + timedelta(days=61) for clock in (*others, LeapingClock(file=file)))


def test_no_clock_leaps_back(file: Path) -> None:
    """What was due stays due."""
    leaps.leap(file, BEGAN + timedelta(hours=2))
    with pytest.raises(Backwards):
        leaps.leap(file, BEGAN + timedelta(hours=1))
    assert LeapingClock(file=file).now() >= BEGAN + timedelta(hours=2)


def test_a_moment_of_the_machine_is_shown_as_the_clock_showed_it_then(tmp_path: Path) -> None:
    """Kafka's clock does not leap: its moments are told by the leap that held when they were written."""
    file = tmp_path / "clock.json"
    file.write_text(json.dumps([[100.0, 1000.0], [200.0, 5000.0]]), encoding="utf-8")
    clock = LeapingClock(file=file)
    assert [clock.shown_at(moment) for moment in (90.0, 100.0, 199.0, 200.0, 300.0)] == [1090, 1100, 1199, 5200, 5300]


def test_a_clock_without_its_file_tells_nothing(tmp_path: Path) -> None:
    """Rather than the time of another world."""
    with pytest.raises(OSError, match=r"clock\.json"):
        LeapingClock(file=tmp_path / "clock.json").now()


def test_the_agencies_leap_with_us(file: Path, tmp_path: Path) -> None:
    """While an offset makes ours wrong alone."""
    leaping = Settings(data=tmp_path, clock_file=file)
    assert isinstance(leaping.clock, LeapingClock)
    assert leaping.clock_of_others == leaping.clock
    wrong = Settings(data=tmp_path, clock_offset_s=3600.0)
    assert (wrong.clock, wrong.clock_of_others) == (Clock(offset=timedelta(hours=1)), Clock())


@pytest.mark.parametrize("also", [{"business_date": date(2026, 3, 2)}, {"clock_offset_s": 60.0}], ids=["day", "offset"])
def test_there_is_one_time(file: Path, tmp_path: Path, also: dict[str, object]) -> None:
    """A leaping clock with a chosen day or an error of its own would be two."""
    with pytest.raises(ValidationError, match="leaps"):
        Settings.model_validate({"data": tmp_path, "clock_file": file} | also)


def test_a_lease_survives_a_leap(file: Path, store: Store) -> None:
    """It is counted by a clock that nobody sets: hours at once make no owner stale, and no epoch old."""

    async def play() -> None:
        async with started(store):
            fence = Fence(store, "dispatch.police", "0")
            assert fence.now is time.monotonic
            await fence.take([HERE], 1)
            leaps.leap(file, BEGAN + timedelta(hours=5))
            assert fence.fresh(HERE)
            await store.run(lambda connection: fence.check(connection, HERE))

    asyncio.run(play())
