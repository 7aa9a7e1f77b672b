"""What is old goes, a little at a time, whatever the store does meanwhile."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from sqlalchemy import Connection, delete, func, insert, select

from services.runtime import pruning
from services.runtime.store import Store, StoreUnavailable
from services.runtime.tables import breaker

_ALL: Final = 7


def _some(connection: Connection) -> int:
    few = select(breaker.c.organisation).order_by(breaker.c.organisation).limit(3)
    return connection.execute(delete(breaker).where(breaker.c.organisation.in_(few))).rowcount


def _filled(connection: Connection) -> None:
    rows = [{"organisation": str(number), "state": "open", "since": 0.0} for number in range(_ALL)]
    connection.execute(insert(breaker), rows)


def test_all_goes_and_is_counted(store: Store) -> None:
    """Some at a time, until there is nothing more."""

    async def play() -> tuple[int, int | None]:
        store.start()
        await store.run(_filled)
        gone = await pruning.all_of(store, _some)
        left = await store.read(lambda connection: connection.scalar(select(func.count()).select_from(breaker)))
        await store.stop()
        return gone, left

    assert asyncio.run(play()) == (_ALL, 0)


def test_a_store_that_is_away_is_waited_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is forgotten for it: what could not be deleted is deleted when it is back."""
    monkeypatch.setattr("services.runtime.store._PAUSE_S", 0.0)
    tries = iter((True, False))

    def away(connection: Connection) -> int:
        if next(tries, False):
            raise StoreUnavailable
        return _some(connection)

    async def play() -> int:
        store.start()
        await store.run(_filled)
        gone = await pruning.all_of(store, away)
        await store.stop()
        return gone

    assert asyncio.run(play()) == _ALL


def test_it_looks_at_once_and_again_and_again() -> None:
    """For as long as whoever runs it lives."""
    looks = 0

    async def prune() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise KeyError(looks)

    with pytest.raises(KeyError):
        asyncio.run(pruning.regularly(prune, every_s=0.0))
    assert looks == 3
