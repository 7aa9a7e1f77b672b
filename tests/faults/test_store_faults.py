"""The database cut off, silent or read-only: nothing half done, nothing done twice, and everything once it is back."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from services.chaos.database import link, read_only, through
from services.chaos.proxy import BLACK_HOLE, CLEAR, Weather
from services.chaos.schedule import outlasting
from services.runtime import database as module
from services.runtime import store as patience
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


def test_a_database_that_never_answers_is_named(database: str, tmp_path: Path, until: Any) -> None:
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
                await until(lambda: store.asked > store.done)
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


def test_a_read_only_database_takes_nothing_and_loses_nothing(
    tmp_path: Path, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks hears that it is unavailable; who waits it out has done the act when it can be written again."""
    monkeypatch.setattr(patience, "_PAUSE_S", 0.01)

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
            before, waiting = store.done, asyncio.create_task(_acted(store, 2))
            await until(lambda: store.done > before + 2)
            assert not waiting.done()
            read_only = False
            async with asyncio.timeout(30):
                await waiting
            assert await store.read(_written) == ["2"]

    asyncio.run(play())


def test_whoever_could_only_read_asks_again_on_a_new_connection(database: str, tmp_path: Path) -> None:
    """PostgreSQL lets nobody write for a while; a session that began then never may, so it is given up."""

    async def play() -> None:
        opened = await asyncio.to_thread(open_store, Settings(data=tmp_path, database=database), "dispatch")
        async with started(opened) as store:
            await _acted(store, 1)
            async with read_only(database):
                acting = [asyncio.create_task(_acted(store, number)) for number in range(2, 12)]
                with pytest.raises(StoreUnavailable):
                    await store.run(lambda connection: _act(connection, 99))
                assert not store.available
                assert not any(act.done() for act in acting)
            async with asyncio.timeout(30):
                await asyncio.gather(*acting)
            assert sorted(map(int, await store.read(_written))) == list(range(1, 12))

    asyncio.run(play())


QUICK_S = 2
"""Of the time-out for a new connection; drivers allow none that is shorter."""
LONG_S = 1.25 * QUICK_S


def _hasty(settings: Settings) -> Store:
    """A store whose tables are there; it connects when it has something to do."""
    engine = partial(module._engine, settings, "dispatch")
    return Store(engine(immediate=True), engine(immediate=False))


@pytest.mark.parametrize("anew", [False, True], ids=["connected before", "connecting"])
def test_a_link_to_postgresql_in_weather_that_outlasts_its_time_out_costs_no_act(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, anew: bool
) -> None:
    """Whether it holds a connection or asks for one in the storm: all that was begun is done when that is over."""

    async def through_it(number: int, weather: Weather) -> None:
        async with (
            link(database, Random(number)) as proxy,
            started(_hasty(Settings(data=tmp_path, database=through(database, proxy)))) as store,
        ):
            await _acted(store, number)
            proxy.turn(weather)
            if anew:
                proxy.reset()
            acting = [asyncio.create_task(_acted(store, number * 100 + act)) for act in range(1, 20)]
            await asyncio.wait(acting, timeout=LONG_S)
            assert not any(act.done() for act in acting)
            proxy.turn(CLEAR)
            async with asyncio.timeout(60):
                await asyncio.gather(*acting)

    async def play() -> list[str]:
        opened = await asyncio.to_thread(open_store, Settings(data=tmp_path, database=database), "dispatch")
        # What it takes to have tables is under no short limit: only who is in the storm is hasty.
        monkeypatch.setitem(module._LINK, "connect_timeout", QUICK_S)
        weathers = outlasting(QUICK_S).values()
        await asyncio.gather(*(through_it(number, weather) for number, weather in enumerate(weathers, start=1)))
        async with started(opened) as store:
            return await store.read(_written)

    assert len(asyncio.run(play())) == 20 * len(outlasting(QUICK_S))
