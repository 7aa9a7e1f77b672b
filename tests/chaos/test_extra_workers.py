"""Workers that a fault brings go with it, however it ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import pytest

from services.chaos.blows import Blow, workers, zombie
from services.chaos.rig import Rig, Worker
from services.chaos.schedule import Strike
from services.stack.data import DataFolder
from services.stack.installation import Absent, Installation

THREE: Final = Strike(0.0, "workers", "dispatch", "3 at once")
NOWHERE: Final = "http://127.0.0.1:9"


@dataclass(slots=True)
class Ground(Rig):
    """Workers that only sleep; the one of this number cannot be started."""

    never: int | None = None
    started: list[Worker] = field(default_factory=list)

    def worker(self, *, session_s: float | None = None, offset_s: float = 0.0) -> Worker:
        """One more that gets no place."""
        del session_s, offset_s
        if len(self.started) == self.never:
            raise OSError("no more processes")
        sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
        worker = Worker(f"dispatch-{len(self.started)}", NOWHERE, subprocess.Popen(sleeping, start_new_session=True))
        self.started.append(worker)
        self._workers.append(worker)
        return worker

    @property
    def alive(self) -> int:
        return sum(one.process.poll() is None for one in self.started)


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """A ground on which nothing else runs."""
    made = Ground(Installation(DataFolder(tmp_path)), {}, Random(1))
    try:
        yield made
    finally:
        for one in made.started:
            one.end()


def test_who_came_before_one_that_could_not_goes_again(ground: Ground) -> None:
    """Or it would work on, unknown to everybody, and take a place that others are to have."""
    ground.never = 2

    async def struck() -> None:
        async with workers(ground, THREE):
            pytest.fail("one is missing")

    with pytest.raises(OSError, match="no more"):
        asyncio.run(struck())
    assert (len(ground.started), ground.alive) == (2, 0)


@pytest.mark.parametrize("blow", [workers, zombie])
def test_who_joins_never_is_not_left_behind(ground: Ground, monkeypatch: pytest.MonkeyPatch, blow: Blow) -> None:
    """The fault is missed, and no trace of it remains."""
    monkeypatch.setattr("services.chaos.blows._JOINED_S", 0.3)

    async def struck() -> None:
        async with blow(ground, THREE):
            pytest.fail("nobody has joined")

    with pytest.raises(Absent, match="not joined"):
        asyncio.run(struck())
    assert ground.started
    assert ground.alive == 0


def test_none_is_started_where_there_is_no_room_for_all(ground: Ground) -> None:
    """Two are there, and four are most: three more wait for their turn together."""
    ground.worker()
    ground.worker()

    async def struck() -> None:
        async with workers(ground, THREE):
            pytest.fail("too many")

    with pytest.raises(Absent, match="room for 3 more"):
        asyncio.run(struck())
    assert (len(ground.started), ground.alive) == (2, 2)


def test_a_fault_that_is_broken_off_takes_its_workers_with_it(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends a run in the middle leaves no process behind, not even one that stands still."""

    async def joined(*_: object) -> None:
        """Have a place."""

    monkeypatch.setattr("services.chaos.blows._joined", joined)

    async def struck() -> None:
        async with zombie(ground, THREE):
            assert ground.alive == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(struck())
    assert ground.alive == 0
