"""Clocks that leap, forward and back, and machines that do not agree about the time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.spec import Features
from tests.simulation.dispatching import VINS, Dispatch
from tests.simulation.offices import MOODS, Office
from tests.simulation.supervisor import Supervisor
from tests.simulation.world import World

Worlds = Callable[[int], World]
HOUR_S = 3600.0


@pytest.mark.parametrize("leap_s", [-HOUR_S, HOUR_S])
@pytest.mark.parametrize("seed", range(2))
def test_a_call_under_way_is_waited_for_however_the_clock_leaps(world_of: Worlds, seed: int, leap_s: float) -> None:
    """It arrives after we gave up; "unknown" is not believed for as long as it may: by a clock that only runs on."""
    world = world_of(seed)
    dispatch = Dispatch(world, Features.QUERYABLE)
    Supervisor(dispatch)
    north = dispatch.offices["north"]
    north.mood = {"late": 1.0}
    dispatch.send("north", VINS[0])
    under_way = _noted(north)
    assert world.run(30, lambda: bool(under_way))
    world.skews["0"] = leap_s
    north.mood = MOODS["well"]
    world.run(world.now + 60)
    assert len(north.book) == 1
    assert not dispatch.wrong


def _noted(office: Office) -> list[str]:
    """The vehicles of all calls from now on."""
    calls, before = list[str](), office.on_call

    def note(office: Office, caller: str, vin: str) -> None:
        calls.append(vin)
        before(office, caller, vin)

    office.on_call = note
    return calls
