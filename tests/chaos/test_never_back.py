"""What a fault took away and nobody brings back is named, in a bounded time; a run never waits for ever."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from services.chaos import blows
from services.chaos.course import Course, Run
from services.chaos.rig import Rig
from services.chaos.schedule import Strike
from services.publisher.careful import Pace, hand_in_steadily
from services.publisher.door import Acknowledged, Door
from services.publisher.sales import Sale
from services.stack.data import DataFolder
from services.stack.installation import Installation, NeverBack
from services.stack.processes import Identity
from services.stack.state import ChildState, Stack
from services.stack.trouble import TroubleError

FREEZE = Strike(0.0, "freeze", "dispatch")


@pytest.fixture
def unsupervised(tmp_path: Path) -> Iterator[Installation]:
    """An installation whose dispatch lives, and of which nobody takes care."""
    folder = DataFolder(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        me, dispatch = Identity.of(os.getpid()), Identity.of(process.pid)
        stack = Stack(phase="running", data="", logs="", ports={}, urls={"kafka": "127.0.0.1:1"}, ready={})
        stack.supervisor = ChildState(pid=me.pid, started=me.started, port=0, log="")
        stack.children["dispatch"] = ChildState(pid=dispatch.pid, started=dispatch.started, port=0, log="")
        stack.save(folder)
        try:
            yield Installation(folder)
        finally:
            process.kill()


def _course(up: Installation) -> Course:
    return Course(Run(7, 1, [FREEZE]), Rig(up, {}, Random(1)), print)


def test_who_is_never_replaced_is_named_in_the_verdict(
    unsupervised: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault, its target and how long was waited; such a run has not ended well, whatever else it shows."""
    monkeypatch.setattr(blows, "_REPLACED_S", 0.3)
    course = _course(unsupervised)
    asyncio.run(course._strike(FREEZE))
    assert course.struck["freeze"] == 1
    (lost,) = course.never_back
    assert lost.startswith("freeze dispatch: ")
    course.acknowledged, course.counts = course.run.sales, {"open": 0}
    assert not course.ended
    course.never_back.clear()
    assert course.ended


def test_who_does_not_get_ready_is_named(unsupervised: Installation) -> None:
    """By the name of the process."""
    with pytest.raises(NeverBack, match="kafka"):
        asyncio.run(unsupervised.until_ready(1.0))


@dataclass(slots=True)
class Choosy(Door):
    """Takes every sale but one."""

    never: str = ""

    async def publish(self, sale: Sale) -> Acknowledged:
        if sale.sourceid == self.never:
            raise TroubleError("", "no", fix="")
        return Acknowledged(sale.sourceid, "", "accepted")


def test_a_sale_that_is_never_taken_holds_up_no_other_and_is_named(unsupervised: Installation) -> None:
    """The run goes on to its verdict, which says which it was."""
    course = _course(unsupervised)
    sales = [Sale("urn:test", str(number), "", {}) for number in range(5)]
    door = Choosy("", "", "", Path(), never="2")
    asyncio.run(hand_in_steadily(door, sales, Pace(1000.0, 0.3), course._taken, course._given_up))
    assert course.acknowledged == 4
    assert course.never_back == ["sale 2 was never taken"]
