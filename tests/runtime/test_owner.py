"""The fence: who was frozen and thaws writes nothing, calls nobody, and steals nothing back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from services.runtime import owner
from services.runtime.database import open_store
from services.runtime.lanes import Gone, Stuck
from services.runtime.ledger import decide
from services.runtime.owner import LEASE_S, Fence
from services.runtime.record import Place
from services.runtime.settings import Settings
from services.runtime.store import Store
from services.runtime.tables import ledger
from tests.runtime.bench import Outage, started

WITHIN_S = 30
HERE, THERE = Place("police.commands", 0), Place("police.commands", 1)


@dataclass
class Watch:
    """A clock that stands until it is moved."""

    at: float = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture(autouse=True)
def _renews_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease is measured by a clock of the test's own; how often it is renewed only costs time."""
    monkeypatch.setattr(owner, "_RENEW_S", 0.0)


def _fence(store: Store, who: str, slot: str = "0", watch: Watch | None = None) -> Fence:
    return Fence(store, "dispatch.police", slot, who, watch or Watch())


def _writing(fence: Fence, id_: str) -> Any:
    def act(connection: Connection) -> None:
        fence.check(connection, HERE)
        decide(connection, "dispatch.police", id_, [], 1.0)

    return act


async def _written(store: Store) -> int:
    return await store.read(
        lambda connection: connection.execute(select(func.count()).select_from(ledger)).scalar_one()
    )


def test_a_stale_epoch_is_refused_inside_the_group_commit(store: Store) -> None:
    """The writes that share its transaction stay; its own leaves nothing."""

    async def play() -> None:
        async with started(store):
            old, new = _fence(store, "old"), _fence(store, "new")
            await old.take([HERE], 1)
            await store.run(_writing(old, "before"))
            await new.take([HERE], 2)
            acts = [store.run(_writing(fence, id_)) for fence, id_ in ((new, "a"), (old, "late"), (new, "b"))]
            results = await asyncio.gather(*acts, return_exceptions=True)
            assert [type(result) for result in results] == [type(None), Gone, type(None)]
            assert await _written(store) == 3

    asyncio.run(play())


def test_a_partition_that_was_never_taken_may_not_be_written_for(store: Store) -> None:
    """No row, no right."""

    async def play() -> None:
        async with started(store):
            with pytest.raises(Gone):
                await store.run(_writing(_fence(store, "nobody"), "a"))

    asyncio.run(play())


def test_what_is_in_flight_survives_when_we_get_our_own_partition_again(store: Store) -> None:
    """A rebalance takes all partitions away and gives most of them back: nobody else owned them in between."""

    async def play() -> None:
        async with started(store):
            fence = _fence(store, "me")
            await fence.take([HERE], 1)
            epochs = dict(fence._epochs)
            await fence.take([HERE], 2)
            assert fence._epochs == epochs

    asyncio.run(play())


def test_a_late_assignee_does_not_steal_back(store: Store) -> None:
    """What a later generation owns is refused; what it does not own is given."""

    async def play() -> None:
        async with started(store):
            late, owner = _fence(store, "late"), _fence(store, "owner")
            await owner.take([HERE], 8)
            assert set(await late.take([HERE, THERE], 7)) == {THERE}
            await store.run(_writing(owner, "a"))
            with pytest.raises(Gone):
                await store.run(_writing(late, "b"))

    asyncio.run(play())


def test_a_group_that_began_anew_gets_its_partitions(store: Store) -> None:
    """Kafka forgets an idle group and counts from one: who stays a member is the owner."""

    async def play() -> None:
        watch = Watch()
        async with started(store):
            before, now = _fence(store, "before"), _fence(store, "now", watch=watch)
            await before.take([HERE], 500)
            assert not await now.take([HERE], 1)
            watch.at += 29
            assert not await now.take([HERE], 1)
            watch.at += 2
            assert set(await now.take([HERE], 1)) == {HERE}
            with pytest.raises(Gone):
                await store.run(_writing(before, "late"))

    asyncio.run(play())


def test_calls_are_held_while_the_lease_is_old(store: Store) -> None:
    """Three seconds without a successful reading: who may have been frozen asks before it calls."""

    async def play() -> None:
        watch = Watch()
        async with started(store):
            fence = _fence(store, "me", watch=watch)
            await fence.take([HERE], 1)
            await fence.leased(HERE)
            watch.at += LEASE_S + 0.1
            call = asyncio.create_task(fence.leased(HERE))
            await asyncio.sleep(0)
            assert not call.done()
            renewing = asyncio.create_task(fence.renew())
            async with asyncio.timeout(WITHIN_S):
                await call
            renewing.cancel()

    asyncio.run(play())


def test_whoever_was_frozen_calls_nobody_for_a_partition_that_went(store: Store) -> None:
    """Its lease is old; the reading tells it that another slot owns the partition."""

    async def play() -> None:
        watch = Watch()
        async with started(store):
            frozen = _fence(store, "frozen", slot="0", watch=watch)
            await frozen.take([HERE], 1)
            await _fence(store, "peer", slot="1").take([HERE], 2)
            watch.at += 40
            renewing = asyncio.create_task(frozen.renew())
            async with asyncio.timeout(WITHIN_S):
                with pytest.raises(Gone):
                    await frozen.leased(HERE)
            renewing.cancel()

    asyncio.run(play())


def test_who_finds_its_own_slot_taken_ends(store: Store) -> None:
    """Two processes in one place of the group would throw each other out for ever."""

    async def play() -> None:
        async with started(store):
            old = _fence(store, "old")
            await old.take([HERE], 1)
            await _fence(store, "new").take([HERE], 2)
            async with asyncio.timeout(WITHIN_S):
                with pytest.raises(Stuck, match="slot 0"):
                    await old.renew()

    asyncio.run(play())


def test_a_reading_from_before_the_taking_is_no_fence(store: Store) -> None:
    """The reading that is under way while a partition is taken shows the former owner; that is not the future one."""

    async def play() -> None:
        async with started(store):
            await _fence(store, "former").take([HERE], 1)
            me = _fence(store, "me")
            rows = await store.read(me._rows)
            await me.take([HERE], 2)
            me._compare(rows)
            await me.leased(HERE)

    asyncio.run(play())


def test_taking_waits_out_a_store_that_cannot_write(store: Store) -> None:
    """A rebalance in a bad moment ends no process."""
    outage = Outage(left=1)

    async def play() -> Collection[Place]:
        async with started(store, outage):
            return await _fence(store, "me").take([HERE], 1)

    assert set(asyncio.run(play())) == {HERE}


def test_two_processes_that_take_at_once_never_own_the_same(settings: Settings) -> None:
    """Swapping partitions back and forth, each time exactly the later one may write."""

    async def play() -> None:
        first, second = open_store(settings, "dispatch"), open_store(settings, "dispatch")
        async with started(first), started(second):
            fences = [_fence(first, "a", slot="0"), _fence(second, "b", slot="1")]
            for generation in range(1, 13):
                await asyncio.gather(*(fence.take([HERE, THERE], generation) for fence in fences))
                writes = [fence.store.run(_writing(fence, f"{generation}{fence.who}")) for fence in fences]
                results = await asyncio.gather(*writes, return_exceptions=True)
                assert sorted(type(result).__name__ for result in results) == ["Gone", "NoneType"]

    asyncio.run(play())
