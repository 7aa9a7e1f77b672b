"""The simulated world is as merciless as the real one, or what it proves is nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from services.runtime.consumer import KafkaTrouble, Member
from services.runtime.record import Outgoing, Place
from services.runtime.work import Lane
from tests.simulation.cluster import Cluster, SimulatedConsumer
from tests.simulation.disk import Disk
from tests.simulation.world import World

Worlds = Callable[[int], World]


def test_who_is_killed_does_not_run_another_line(world_of: Worlds) -> None:
    """Not even a `finally`; what it had asked of others happens all the same."""
    world, lines = world_of(1), list[str]()
    process = world.process("p")

    async def program() -> None:
        try:
            await process.wait(1, lambda: lines.append("done"))
            lines.append("heard")
        finally:
            lines.append("finally")

    process.start(program)
    world.after(0.5, process.kill)
    world.run(10)
    assert lines == ["done"]


def test_who_is_frozen_thaws_with_its_timers_late(world_of: Worlds) -> None:
    """As after SIGSTOP: the clock went on, the process did not."""
    world, moments = world_of(1), list[float]()
    process = world.process("p")

    async def program() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            moments.append(process.loop.time())
        await asyncio.Event().wait()

    process.start(program)
    world.after(1.5, process.freeze)
    world.after(8, process.thaw)
    world.run(20)
    assert moments == [1, 8, 9]


def test_an_error_that_nobody_handles_is_seen(world_of: Worlds) -> None:
    """By who judges the run."""
    world = world_of(1)
    process = world.process("p")

    async def program() -> None:
        process.loop.call_soon(lambda: 1 // 0)
        await asyncio.Event().wait()

    process.start(program)
    world.run(1)
    assert world.complaints == ["integer division or modulo by zero"]


class Attendant(Member):
    """Notes what it is told, and takes its time to let go."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    async def assigned(self, places: object) -> None:
        self.told.append(("assigned", len(list(places))))  # type: ignore[call-overload]

    async def revoked(self, places: object) -> None:
        await asyncio.sleep(0.5)
        self.told.append(("revoked", len(list(places))))  # type: ignore[call-overload]


def _joined(cluster: Cluster, slot: str) -> tuple[SimulatedConsumer, Attendant]:
    process, attendant = cluster.world.process(slot), Attendant()
    consumer = SimulatedConsumer(cluster, process, Lane("g", ("t",), "", slot, session_s=5, drain_s=2))

    async def program() -> None:
        await consumer.start(attendant)
        await asyncio.Event().wait()

    process.start(program)
    return consumer, attendant


def test_a_group_shares_its_partitions_out_anew_when_somebody_comes(world_of: Worlds) -> None:
    """Who had them lets go first."""
    world = world_of(1)
    cluster = Cluster(world)
    first, told = _joined(cluster, "0")
    world.run(2)
    second, _ = _joined(cluster, "1")
    world.run(10)
    assert told.told == [("assigned", 2), ("revoked", 2), ("assigned", 1)]
    assert {*first.held(), *second.held()} == set(cluster.places(["t"]))
    assert first.generation == second.generation == 2


def test_a_slot_that_is_taken_over_keeps_its_generation_and_the_former_cannot_commit(world_of: Worlds) -> None:
    """It learns of it at a heartbeat, and until then believes in itself."""
    world = world_of(1)
    cluster = Cluster(world)
    former, _ = _joined(cluster, "0")
    world.run(2)
    former.process.freeze()
    latter, _ = _joined(cluster, "0")
    world.run(3)
    assert (latter.generation, former.generation) == (1, 1)
    assert former.held() == latter.held()
    with pytest.raises(KafkaTrouble):
        cluster.commit(former, {Place("t", 0): 1})
    cluster.commit(latter, {Place("t", 0): 1})


def test_who_is_silent_for_a_session_loses_its_partitions(world_of: Worlds) -> None:
    """The others have them from then on."""
    world = world_of(1)
    cluster = Cluster(world)
    lost, _ = _joined(cluster, "0")
    other, _ = _joined(cluster, "1")
    world.run(6)
    lost.process.kill()
    world.run(20)
    assert len(other.held()) == 2


def test_who_dies_while_joining_is_left_out_in_time(world_of: Worlds) -> None:
    """The group knows it, and nobody else will ever speak for it."""
    world = world_of(1)
    cluster = Cluster(world)
    lost, _ = _joined(cluster, "0")
    world.run(1, lambda: "g" in cluster.groups)
    lost.process.kill()
    other, _ = _joined(cluster, "1")
    world.run(30)
    assert len(other.held()) == 2


def test_one_key_stands_in_one_partition_in_order(world_of: Worlds) -> None:
    """As Kafka has it."""
    cluster = Cluster(world_of(1))
    records = [cluster.append(Outgoing(str(n), "t", f"key{n % 5}", (), b"")) for n in range(50)]
    for key in {record.key for record in records}:
        mine = [record for record in records if record.key == key]
        assert len({record.place for record in mine}) == 1
        assert [record.offset for record in mine] == sorted(record.offset for record in mine)


def test_a_commit_of_which_nobody_heard_may_be_done(world_of: Worlds) -> None:
    """Or not: both befall whoever asks for long enough."""
    world = world_of(1)
    disk = Disk(world, doubt=0.5)
    process = world.process("p")
    store, done, refused = disk.store(process), list[int](), list[int]()

    async def program() -> None:
        for number in range(40):
            try:
                await store.run(lambda connection: connection.exec_driver_sql("select 1").scalar())
            except RuntimeError:
                refused.append(number)
            else:
                done.append(number)
        await asyncio.Event().wait()

    process.start(program)
    world.run(60)
    assert done
    assert refused
