"""A connection that breaks during commits: acts that are tried again know their own traces."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.spec import Features
from services.dispatch.book import Book
from services.runtime.owner import Fence
from services.runtime.parking import Parked
from services.runtime.record import Record
from tests.simulation.disk import Disk
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


@pytest.mark.parametrize("settled", [True, False])
def test_what_was_parked_unheard_is_not_parked_again(world_of: Callable[[int], World], *, settled: bool) -> None:
    """Others dealt with it before the act was tried again: it is settled, or has been tried once more since."""
    world = world_of(1)
    disk, process = Disk(world), world.process("p")
    record = Record("t", 0, 1, "key", (("ce_id", b"one"),), b"")
    first = Parked("consumer", record, tries=1, failure="not-yet")
    after: list[list[tuple[str, int]]] = []

    async def program() -> None:
        store = disk.store(process)
        book = Book(store, Fence(store, "consumer", "0", who="me", now=lambda: world.now), Features.BLIND)
        await book.fence.take([record.place], 1)
        await book.park(first, [], cut_off=False)
        if settled:
            await book.remove(await book.answer(first, []))
        else:
            await book.park(replace(first, state="dead", tries=2), [], cut_off=False)
        await book.park(first, [], cut_off=False)
        after.append(disk.ask("select state, tries from parked"))
        await asyncio.Event().wait()

    process.start(program)
    world.run(5)
    assert after == [[] if settled else [("dead", 2)]]
    assert not world.ends
