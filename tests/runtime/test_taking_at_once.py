"""Several processes on one PostgreSQL: who takes a partition waits for its owner's writes, and for nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection, TextClause, text

from services.runtime import database
from services.runtime.database import open_store
from services.runtime.ledger import decide, decided
from services.runtime.owner import Fence
from services.runtime.record import Place
from services.runtime.settings import Settings
from services.runtime.store import Op, Store, StoreUnavailable
from services.runtime.work import Gone
from tests.runtime.bench import started

HERE: Final = Place("police.commands", 0)
WITHIN_S: Final = 30.0


@dataclass
class Open:
    """A transaction of a process's store that has done its act and ends when it is told to."""

    done: threading.Event = field(default_factory=threading.Event)
    end: threading.Event = field(default_factory=threading.Event)

    def within(self, act: Op[None]) -> Op[None]:
        def whole(connection: Connection) -> None:
            act(connection)
            self.done.set()
            assert self.end.wait(WITHIN_S)

        return whole


@dataclass
class Processes:
    """Two, each with a store and a name of its own."""

    one: Store
    two: Store

    def fences(self, consumer: str) -> tuple[Fence, Fence]:
        return Fence(self.one, consumer, "0", "one"), Fence(self.two, consumer, "1", "two")

    async def waiting(self) -> None:
        """Until some transaction waits for another's lock."""
        waits = text(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        async with asyncio.timeout(WITHIN_S):
            while not await self._count(waits):  # noqa: ASYNC110 - locks tell nobody
                await asyncio.sleep(0.01)

    async def _count(self, query: TextClause) -> int:
        found: int = await self.two.read(lambda connection: connection.execute(query).scalar_one())
        return found


@asynccontextmanager
async def _two(settings: Settings) -> AsyncIterator[Processes]:
    async with (
        started(await asyncio.to_thread(open_store, settings, "dispatch")) as one,
        started(await asyncio.to_thread(open_store, settings, "dispatch")) as two,
    ):
        yield Processes(one, two)


@asynccontextmanager
async def _open(store: Store, act: Op[None]) -> AsyncIterator[Open]:
    """A transaction in which an act has been done, for as long as this lasts."""
    held = Open()
    acting = asyncio.create_task(store.run(held.within(act)))
    assert await asyncio.to_thread(held.done.wait, WITHIN_S)
    try:
        yield held
    finally:
        held.end.set()
        await acting


def _writing(fence: Fence, id_: str) -> Op[None]:
    def act(connection: Connection) -> None:
        fence.check(connection, HERE)
        decide(connection, fence.consumer, id_, [], 1.0)

    return act


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """SQLite has one writer at a time, so there is nothing to see there."""
    return Settings(data=tmp_path, database=request.getfixturevalue("database"))


def test_consumers_do_not_wait_for_one_another(settings: Settings) -> None:
    """While one organisation's transaction is open, another's partition changes hands, and its new owner writes."""

    async def play() -> None:
        async with _two(settings) as processes:
            police, _ = processes.fences("dispatch.police")
            before, after = processes.fences("dispatch.tax")
            await police.take([HERE], 1)
            await before.take([HERE], 1)
            async with _open(processes.one, _writing(police, "a")), asyncio.timeout(WITHIN_S / 2):
                assert set(await after.take([HERE], 2)) == {HERE}
                await processes.two.run(_writing(after, "b"))

    asyncio.run(play())


def test_takings_of_different_consumers_do_not_wait_for_one_another(settings: Settings) -> None:
    """Nor for a check of another one."""

    async def play() -> None:
        async with _two(settings) as processes:
            police, _ = processes.fences("dispatch.police")
            first, second = processes.fences("dispatch.tax")
            await first.take([HERE], 1)

            def taking(connection: Connection) -> None:
                police._take(connection, [HERE], 1, ())

            async with _open(processes.one, taking), asyncio.timeout(WITHIN_S / 2):
                assert set(await second.take([HERE], 2)) == {HERE}
                await processes.two.run(_writing(second, "b"))

    asyncio.run(play())


def test_who_takes_a_partition_sees_what_its_owner_was_writing(settings: Settings) -> None:
    """A write whose fence was looked at before the partition went is there when the new owner looks."""

    async def play() -> None:
        async with _two(settings) as processes:
            old, new = processes.fences("dispatch.police")
            await old.take([HERE], 1)
            async with _open(processes.one, _writing(old, "last")):
                taking = asyncio.create_task(new.take([HERE], 2))
                await processes.waiting()
                assert not taking.done()
            async with asyncio.timeout(WITHIN_S):
                await taking
            found = await processes.two.read(lambda connection: decided(connection, old.consumer, ["last"]))
            assert found == {"last": []}

    asyncio.run(play())


def test_who_looks_at_the_fence_while_its_partition_goes_is_refused(settings: Settings) -> None:
    """It waits until that is decided; then it writes nothing."""

    async def play() -> None:
        async with _two(settings) as processes:
            new, old = processes.fences("dispatch.police")
            await old.take([HERE], 1)

            def taking(connection: Connection) -> None:
                new._take(connection, [HERE], 2, ())

            async with _open(processes.one, taking):
                late = asyncio.create_task(processes.two.run(_writing(old, "late")))
                await processes.waiting()
                assert not late.done()
            with pytest.raises(Gone):
                await late

    asyncio.run(play())


def test_a_taking_that_must_wait_lets_the_other_acts_of_its_process_go_on(settings: Settings) -> None:
    """The owner is frozen inside a transaction: that costs the taker its partition, not its other organisations."""

    async def play() -> None:
        async with _two(settings) as processes:
            frozen, new = processes.fences("dispatch.police")
            _, other = processes.fences("dispatch.tax")
            await frozen.take([HERE], 1)
            await other.take([HERE], 1)
            async with _open(processes.one, _writing(frozen, "last")):
                taking = asyncio.create_task(new.take([HERE], 2))
                await processes.waiting()
                async with asyncio.timeout(WITHIN_S / 2):
                    await processes.two.run(_writing(other, "a"))
                assert not taking.done()
            async with asyncio.timeout(WITHIN_S):
                assert set(await taking) == {HERE}

    asyncio.run(play())


def test_who_stands_still_inside_a_transaction_loses_its_locks_and_what_it_wrote(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen process keeps a partition from its next owner for so long, and not until it thaws or is killed."""

    async def play() -> None:
        async with _two(settings) as processes:
            # Only its last transaction is under the short limit: a slow machine may stand still in any other.
            monkeypatch.setattr(database, "_FROZEN", "1s")
            engine = partial(database._engine, settings, "dispatch")
            freezing = Store(engine(immediate=True), engine(immediate=False))
            frozen, new = processes.fences("dispatch.police")
            await frozen.take([HERE], 1)
            async with started(freezing):
                with pytest.raises(StoreUnavailable):
                    async with _open(freezing, _writing(frozen, "late")), asyncio.timeout(WITHIN_S / 2):
                        assert set(await new.take([HERE], 2)) == {HERE}
            with pytest.raises(Gone):
                await processes.one.run(_writing(frozen, "late"))

    asyncio.run(play())


def test_an_act_that_must_be_alone_shares_its_transaction_with_nobody(settings: Settings) -> None:
    """Whatever waits at the same time; the others before it, and those after it, share theirs."""

    async def play() -> list[int]:
        async with _two(settings) as processes:
            seen: list[tuple[str, object]] = []

            def noted(name: str) -> Callable[[Connection], None]:
                return lambda connection: seen.append((name, connection.get_transaction()))

            gate = Open()
            acts = [processes.one.run(gate.within(noted("first")))]
            asking = [asyncio.create_task(act) for act in acts]
            assert await asyncio.to_thread(gate.done.wait, WITHIN_S)
            for name, alone in (("a", False), ("b", False), ("taking", True), ("c", False), ("d", False)):
                asking.append(asyncio.create_task(processes.one.run(noted(name), alone=alone)))
            await asyncio.sleep(0)
            gate.end.set()
            await asyncio.gather(*asking)
            assert [name for name, _ in seen] == ["first", "a", "b", "taking", "c", "d"]
            transactions = [transaction for _, transaction in seen]
            return [transactions.index(one) for one in transactions]

    assert asyncio.run(play()) == [0, 1, 1, 3, 4, 4]
