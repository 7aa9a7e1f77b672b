"""The database cut off, silent or read-only: nothing half done, nothing done twice, and everything once it is back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, event, select

from services.chaos.database import link, through
from services.chaos.proxy import BLACK_HOLE, CLEAR, Weather
from services.runtime.database import open_store
from services.runtime.health import storing
from services.runtime.settings import Settings
from services.runtime.sql import insert_once
from services.runtime.store import Store, StoreUnavailable, waited_out
from services.runtime.tables import ledger
from tests.runtime.bench import started

ACTS = 200


def _act(connection: Connection, number: int) -> None:
    insert_once(connection, ledger, {"consumer": "test", "id": str(number), "outputs": None, "at": float(number)})


def _written(connection: Connection) -> list[str]:
    return list(connection.execute(select(ledger.c.id).where(ledger.c.consumer == "test")).scalars())


async def _acted(store: Store, number: int) -> None:
    await waited_out(lambda: store.run(lambda connection: _act(connection, number)))


def test_a_link_to_postgresql_that_breaks_costs_no_act(database: str, tmp_path: Path) -> None:
    """Cut again and again while acts are under way: each is there once."""

    async def play() -> list[str]:
        async with link(database, Random(1)) as proxy:
            behind = through(database, proxy)
            opened = await asyncio.to_thread(open_store, Settings(data=tmp_path, database=behind), "dispatch")
            async with started(opened) as store:
                acting = [asyncio.create_task(_acted(store, number)) for number in range(ACTS // 2)]
                for number in range(ACTS // 2, ACTS):
                    acting.append(asyncio.create_task(_acted(store, number)))
                    await asyncio.sleep(0.01)
                    if number % 20 == 0:
                        proxy.turn(Weather(cut=True))
                        proxy.turn(CLEAR)
                async with asyncio.timeout(60):
                    await asyncio.gather(*acting)
                return await waited_out(lambda: store.read(_written))

    assert sorted(asyncio.run(play()), key=int) == [str(number) for number in range(ACTS)]


def test_a_database_that_never_answers_is_named(database: str, tmp_path: Path) -> None:
    """No error comes, ever: only that acts wait and none is done shows it. When it lives again, all are done."""

    async def play() -> None:
        async with link(database, Random(1)) as proxy:
            behind = through(database, proxy)
            opened = await asyncio.to_thread(open_store, Settings(data=tmp_path, database=behind), "dispatch")
            async with started(opened) as store:
                vital = storing(store)
                await _acted(store, 1)
                proxy.turn(BLACK_HOLE)
                acting = asyncio.create_task(_acted(store, 2))
                await asyncio.wait({acting}, timeout=0.2)
                for second in range(30):
                    vital.look(float(second))
                assert vital.still
                assert not acting.done()
                proxy.turn(CLEAR)
                async with asyncio.timeout(30):
                    await acting
                vital.look(31.0)
                assert not vital.still

    asyncio.run(play())


def test_a_read_only_database_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    """Who asks hears that it is unavailable; who waits it out has done the act when it can be written again."""

    async def play() -> None:
        opened = open_store(Settings(data=tmp_path), "dispatch")
        read_only = True

        @event.listens_for(opened.writer, "checkout")
        def _mounted(connection: Any, *_: object) -> None:
            connection.execute(f"pragma query_only={int(read_only)}")

        async with started(opened) as store:
            try:
                await store.run(lambda connection: _act(connection, 1))
            except StoreUnavailable:
                assert not store.available
            else:
                raise AssertionError
            waiting = asyncio.create_task(_acted(store, 2))
            await asyncio.wait({waiting}, timeout=0.2)
            assert not waiting.done()
            read_only = False
            async with asyncio.timeout(30):
                await waiting
            assert await store.read(_written) == ["2"]

    asyncio.run(play())
