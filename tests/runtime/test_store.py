"""The store commits together and fails apart."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Insert, event, func, insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from services.runtime import ledger
from services.runtime.sql import insert_once, upsert
from services.runtime.store import Doubt, Store, StoreUnavailable, tell, waited_out
from services.runtime.tables import breaker, outbox
from tests.runtime.bench import Outage, started


def _organisation(name: str) -> dict[str, object]:
    return {"organisation": name, "state": "open", "since": 0.0}


def test_an_act_that_raises_is_rolled_back_alone(store: Store) -> None:
    """The acts that shared its transaction stay, and its exception comes to its caller."""

    def good(name: str) -> object:
        return lambda connection: connection.execute(insert(breaker), _organisation(name))

    def bad(connection: Connection) -> None:
        connection.execute(insert(breaker), _organisation("bad"))
        message = "on purpose"
        raise LookupError(message)

    async def play() -> list[object]:
        store.start()
        acts = [store.run(good("a")), store.run(bad), store.run(good("b"))]  # type: ignore[arg-type]
        results = await asyncio.gather(*acts, return_exceptions=True)
        await store.stop()
        return list(results)

    results = asyncio.run(play())
    assert isinstance(results[1], LookupError)
    with store.reader.connect() as connection:
        names = connection.execute(select(breaker.c.organisation).order_by(breaker.c.organisation)).scalars().all()
    assert names == ["a", "b"]


def test_who_reads_sees_one_moment(store: Store) -> None:
    """Whatever is written between its two questions: a page and its count are of the same deliveries."""
    names = select(breaker.c.organisation)

    def look(connection: Connection) -> list[list[str]]:
        before = list(connection.execute(names).scalars())
        with store.writer.begin() as other:
            other.execute(insert(breaker), _organisation("meanwhile"))
        return [before, list(connection.execute(names).scalars())]

    async def play() -> tuple[list[list[str]], list[str]]:
        seen = await store.read(look)
        return seen, await store.read(lambda connection: list(connection.execute(names).scalars()))

    assert asyncio.run(play()) == ([[], []], ["meanwhile"])


def test_many_acts_share_a_commit_and_are_told_in_order(store: Store) -> None:
    """A thousand acts at once are durable, and the listener hears of them in the order they were asked."""
    heard: list[int] = []

    async def play() -> None:
        store.on_commit = heard.extend
        store.start()
        await asyncio.gather(*(store.run(partial(tell, fact=number)) for number in range(1000)))
        await store.stop()

    asyncio.run(play())
    assert heard == list(range(1000))


def test_a_database_that_cannot_write_says_so(store: Store) -> None:
    """Nothing of the act is stored and the caller is told that the store is unavailable, not what SQL said."""

    def broken(_: Connection) -> None:
        raise OperationalError("insert", {}, RuntimeError("disk is full"))

    async def play() -> None:
        store.start()
        with pytest.raises(StoreUnavailable):
            await store.run(broken)
        await store.stop()

    asyncio.run(play())


def test_the_first_decision_about_an_input_is_the_one_that_counts(store: Store) -> None:
    """A second decision about the same input is told what is stored."""

    async def play() -> int:
        store.start()
        first = await store.run(lambda connection: ledger.decide(connection, "me", "id-1", [], 1.0))
        second = await store.run(lambda connection: ledger.decide(connection, "me", "id-1", [], 1.0))
        assert first == second == []
        count = await store.read(
            lambda connection: connection.execute(select(func.count()).select_from(outbox)).scalar()
        )
        await store.stop()
        return int(count or 0)

    assert asyncio.run(play()) == 0


def test_a_row_is_inserted_once_and_the_second_time_says_so(store: Store) -> None:
    """Both drivers tell whether the row was new, also within one transaction."""

    async def play() -> list[bool]:
        async with started(store):

            def twice(connection: Connection) -> list[bool]:
                return [insert_once(connection, breaker, _organisation("tax")) for _ in range(2)]

            again = await store.run(twice)
            return [*again, await store.run(lambda c: insert_once(c, breaker, _organisation("tax")))]

    assert asyncio.run(play()) == [True, False, False]


def test_an_upsert_replaces_all_but_the_keys(store: Store) -> None:
    """The row with the same keys gets the new values."""

    async def play() -> list[tuple[str, str]]:
        async with started(store):
            for state in ("open", "closed"):
                row = {**_organisation("tax"), "state": state}
                await store.run(partial(upsert, table=breaker, keys=["organisation"], row=row))
            query = select(breaker.c.organisation, breaker.c.state)
            return await store.read(lambda connection: [(row[0], row[1]) for row in connection.execute(query)])

    assert asyncio.run(play()) == [("tax", "closed")]


def test_an_upsert_is_spelt_out_once(store: Store) -> None:
    """To put it together costs a hundred times what it costs to run, and some come hundreds of times a second."""
    ran: list[object] = []

    @event.listens_for(store.writer, "before_execute")
    def _runs(*told: Any) -> None:
        if isinstance(told[1], Insert):
            ran.append(told[1])

    async def play() -> None:
        async with started(store):
            for name in ("tax", "miit", "tax"):
                await store.run(partial(upsert, table=breaker, keys=["organisation"], row=_organisation(name)))

    asyncio.run(play())
    assert ran == [ran[0]] * 3


def test_an_act_waits_out_an_outage_and_is_done_once(store: Store, until: Any) -> None:
    """As often as the commit fails it is tried again; the store says meanwhile that it is not available."""
    outage = Outage(left=2)

    async def play() -> None:
        async with started(store, outage):
            act = asyncio.create_task(waited_out(lambda: store.run(_opened("tax"))))
            await until(lambda: not store.available)
            await act
            await until(lambda: store.available)
            assert outage.refused == 2
            assert await store.read(_count) == 1

    asyncio.run(play())


def test_a_commit_of_which_nobody_heard_leaves_a_doubt(store: Store) -> None:
    """It may be durable: its act knows its own traces, and the listener is told to look for itself."""
    outage = Outage(left=1, lost=True)
    heard: list[object] = []

    async def play() -> None:
        store.on_commit = heard.extend
        async with started(store, outage):
            with pytest.raises(StoreUnavailable):
                await store.run(_opened("tax"))
            assert not await store.run(lambda connection: insert_once(connection, breaker, _organisation("tax")))

    asyncio.run(play())
    assert [type(fact) for fact in heard] == [Doubt]


def test_a_database_that_cannot_be_read_says_so(store: Store) -> None:
    """Readers may wait it out as writers do; a mistake in our own SQL is none of that."""

    def broken(_: Connection) -> None:
        raise OperationalError("select", {}, RuntimeError("gone"))

    async def play() -> None:
        async with started(store):
            with pytest.raises(StoreUnavailable):
                await store.read(broken)
            assert (store.available, await store.read(_count), store.available) == (False, 0, True)

    asyncio.run(play())


def _opened(name: str) -> Callable[[Connection], bool]:
    return lambda connection: insert_once(connection, breaker, _organisation(name))


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(breaker)).scalar_one()


def test_a_table_that_is_not_there_is_our_mistake_and_no_outage(store: Store) -> None:
    """Waiting would not bring it: the exception comes through, and the store is available for everybody else."""

    async def play() -> None:
        async with started(store):
            for ask in (store.run, store.read):
                with pytest.raises(DBAPIError, match="nowhere"):
                    await ask(lambda connection: connection.execute(text("select lost from nowhere")))
            assert store.available

    asyncio.run(play())


def test_a_stop_waits_for_who_still_reads(store: Store) -> None:
    """Whoever asked is gone, but the connection in the thread is in use: it is given back before it is closed."""
    reading, go, seen = threading.Event(), threading.Event(), list[int]()

    def slowly(connection: Connection) -> None:
        reading.set()
        assert go.wait(60)
        seen.append(_count(connection))

    async def play() -> None:
        store.start()
        asked = asyncio.create_task(store.read(slowly))
        await asyncio.to_thread(reading.wait, 20)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        stopping = asyncio.create_task(store.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        go.set()
        await stopping
        assert seen == [0]

    asyncio.run(play())
