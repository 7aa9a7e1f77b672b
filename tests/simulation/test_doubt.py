"""A connection that breaks during commits: acts that are tried again know their own traces."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.spec import Features
from tests.simulation.dispatching import VINS, Dispatch
from tests.simulation.supervisor import Supervisor
from tests.simulation.world import World


@pytest.mark.parametrize("features", Features)
def test_commits_of_which_nobody_heard_trouble_no_person(world_of: Callable[[int], World], features: Features) -> None:
    """Whatever the organisation promises: nothing was called twice, so nobody has to decide."""
    world = world_of(1)
    dispatch = Dispatch(world, features)
    dispatch.disk.doubt = 0.5
    Supervisor(dispatch)
    for number in range(30):
        dispatch.send("north", VINS[number % 3])
        dispatch.send("south", VINS[number % 3])
    assert world.run(300, lambda: world.steps % 20 == 0 and dispatch.finished)
    assert dispatch.disk.ask("select id, state, reason from parked") == []
    assert dispatch.judged() == []
    assert all(len(office.book) == office.calls == 30 for office in dispatch.offices.values())
