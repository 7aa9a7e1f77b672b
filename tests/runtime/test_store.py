"""The store commits together and fails apart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import OperationalError

from services.runtime import ledger
from services.runtime.database import open_store
from services.runtime.settings import Settings
from services.runtime.store import Store, StoreUnavailable, tell
from services.runtime.tables import breaker, outbox


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of a service that has no tables of its own."""
    opened = open_store(Settings(data=tmp_path), "dispatch")
    yield opened
    opened.writer.dispose()
    opened.reader.dispose()


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


def test_many_acts_share_a_commit_and_are_told_in_order(store: Store) -> None:
    """A thousand acts at once are durable, and the listener hears of them in the order they were asked."""
    heard: list[int] = []

    async def play() -> None:
        store.on_commit = heard.extend
        store.start()
        await asyncio.gather(*(store.run(lambda connection, n=n: tell(connection, n)) for n in range(1000)))
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
        first = await store.run(lambda connection: ledger.decide(connection, "me", "id-1", []))
        second = await store.run(lambda connection: ledger.decide(connection, "me", "id-1", []))
        assert first == second == []
        count = await store.read(
            lambda connection: connection.execute(select(func.count()).select_from(outbox)).scalar()
        )
        await store.stop()
        return int(count or 0)

    assert asyncio.run(play()) == 0
