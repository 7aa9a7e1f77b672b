"""What one organisation or one vehicle costs the others: nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from adapters.spec import RetryPolicy
from services.runtime.lanes import Lanes
from tests.simulation.dispatching import VINS, Dispatch
from tests.simulation.offices import MOODS
from tests.simulation.supervisor import Supervisor
from tests.simulation.world import World

Worlds = Callable[[int], World]


def _dispatch(world: World) -> Dispatch:
    dispatch = Dispatch(world)
    Supervisor(dispatch)
    return dispatch


def _lanes(dispatch: Dispatch, office: str) -> Lanes:
    (found,) = [lanes for lanes in dispatch.lanes if lanes.lane.group == f"dispatch.{office}"]
    return found


class Even(random.Random):
    """Everything takes as long as it does on average, so that two runs differ only in what an organisation does."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.moods = random.Random(seed)

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2

    def randint(self, a: int, b: int) -> int:
        del a
        return b

    def choices(self, *among: Any, **how_many: Any) -> list[Any]:
        return self.moods.choices(*among, **how_many)


@pytest.mark.parametrize("mood", ["down", "silent", "busy", "mad"])
@pytest.mark.parametrize("seed", range(3))
def test_an_organisation_that_is_ill_delays_no_other(world_of: Worlds, seed: int, mood: str) -> None:
    """All that the healthy one is asked is answered as soon as if the other were well.

    But for one moment: the store may just be at a commit for the other, and the next one takes ours along.
    """
    took = []
    for ill in ("well", mood):
        random.seed(seed)
        world = world_of(seed)
        world.chance = Even(seed)
        dispatch = _dispatch(world)
        dispatch.offices["north"].mood = MOODS[ill]
        for number in range(30):
            dispatch.send("north", VINS[number % 3])
            dispatch.send("south", VINS[number % 3])
        south = dispatch.offices["south"]
        assert world.run(60, partial(lambda office: len(office.book) == 30, south))
        took.append(world.now)
        assert not dispatch.wrong
    well, beside_an_ill_one = took
    assert beside_an_ill_one <= well + world.short()


def test_what_waits_for_an_organisation_is_held_and_not_parked(world_of: Worlds) -> None:
    """However long it is down: tries in between count for nothing, and all goes out once it is back."""
    world = world_of(2)
    dispatch = _dispatch(world)
    office = dispatch.offices["north"]
    office.mood = MOODS["down"]
    office.adapter = replace(office.adapter, retry=RetryPolicy())
    for number in range(3):
        dispatch.send("north", VINS[number])
    world.run(1_800)
    assert dispatch.disk.ask("select count(*) from parked") == [(0,)]
    office.mood = MOODS["well"]
    assert world.run(world.now + 30, lambda: len(office.book) == 3)


def test_what_is_held_is_in_memory_up_to_the_window_and_can_be_seen(world_of: Worlds) -> None:
    """Kafka keeps the rest; what is held is listed oldest first, and goes out in that order."""
    world = world_of(1)
    dispatch = _dispatch(world)
    office = dispatch.offices["north"]
    office.mood = MOODS["down"]
    office.adapter = replace(office.adapter, retry=replace(office.adapter.retry, in_place_for=timedelta(hours=1)))
    sent = [dispatch.send("north", VINS[number % 3]) for number in range(100)]
    world.run(30)
    north = _lanes(dispatch, "north")
    assert 0 < north.in_memory <= north.lane.records
    held = [record.id for record in north.waiting()]
    assert len(held) == north.in_memory
    for vin in VINS:
        mine = [one.id for one in sent if one.vin == vin]
        assert [id_ for id_ in held if id_ in mine] == mine[: len([id_ for id_ in held if id_ in mine])]
    assert dispatch.disk.ask("select count(*) from parked") == [(0,)]
    office.mood = MOODS["well"]
    assert world.run(120, lambda: dispatch.finished)
    assert len(office.book) == 100
    assert not dispatch.wrong
    assert north.waiting() == []


@pytest.mark.parametrize("seed", range(3))
def test_a_vehicle_that_fails_delays_no_other_of_its_partition(world_of: Worlds, seed: int) -> None:
    """While its command is tried in place, the others are done with; once it is parked, so are those behind it."""
    world = world_of(seed)
    dispatch = _dispatch(world)
    north = dispatch.offices["north"]
    stubborn = dispatch.send("north", VINS[0])
    north.not_yet.add(stubborn.number)
    for number in range(9):
        dispatch.send("north", VINS[number % 3])
    assert world.run(30, lambda: bool(dispatch.disk.ask("select id from parked")))
    assert len(north.book) == 6
    world.run(world.now + 10)
    assert len(dispatch.disk.ask("select id from parked")) == 4
    north.not_yet.clear()
    assert world.run(60, lambda: dispatch.finished)
    assert len(north.book) == 10
    assert not dispatch.wrong


def test_large_records_fill_the_window_before_many_do(world_of: Worlds) -> None:
    """Bytes bound it as records do; what does not fit stays on Kafka."""
    world = world_of(1)
    dispatch = _dispatch(world)
    world.run(3, lambda: len(dispatch.lanes) == 2)
    north = _lanes(dispatch, "north")
    dispatch.offices["north"].mood = MOODS["down"]
    first = dispatch.send("north", VINS[0])
    (record,) = dispatch.cluster.of("north.commands")
    assert record.id == first.id
    north._window.most_bytes = record.size * 4
    for number in range(40):
        dispatch.send("north", VINS[number % 3])
        world.run(world.now + 0.2)
    assert north._window.bytes <= record.size * (4 + 1)
