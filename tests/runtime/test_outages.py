"""What passes by itself is waited out; what is our own mistake comes through, or we would wait for ever."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from sqlalchemy import Connection, create_engine, event, exc, text

from services.runtime.database import open_store
from services.runtime.outages import conflict, outage
from services.runtime.settings import Settings
from services.runtime.sql import insert_once
from services.runtime.store import Store, StoreUnavailable
from services.runtime.tables import breaker
from tests.runtime.bench import started

PASSES = {
    "08006": "connection failure",
    "25006": "read-only",
    "25P03": "idle in a transaction for too long",
    "28P01": "password changed",
    "3D000": "database not there",
    "40P01": "deadlock",
    "42501": "no right",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "55P03": "locked",
    "57014": "cancelled",
    "57P01": "shut down by its administrator",
    "57P02": "crashed",
    "57P03": "starting up or shutting down",
    "58030": "input or output error",
    "XX001": "data corrupted",
}
OURS = {
    "0A000": "not supported",
    "22P02": "not a number",
    "23505": "there already",
    "25P02": "after an error that somebody swallowed",
    "42P01": "no such table",
    "42601": "no SQL",
    "54023": "too many arguments",
}


def _as_raised(error: psycopg.Error | sqlite3.Error) -> exc.DBAPIError:
    """As SQLAlchemy hands it on."""
    kind = psycopg.Error if isinstance(error, psycopg.Error) else sqlite3.Error
    raised = exc.DBAPIError.instance("select", {}, error, kind)
    assert isinstance(raised, exc.DBAPIError)
    return raised


@pytest.mark.parametrize("state", PASSES)
def test_what_postgresql_says_of_itself_passes(state: str) -> None:
    """Whatever class of exception its driver makes of it."""
    assert outage(_as_raised(errors.lookup(state)("something"))), PASSES[state]


@pytest.mark.parametrize("state", OURS)
def test_what_postgresql_says_of_our_statement_does_not(state: str) -> None:
    """Whatever class of exception its driver makes of it."""
    assert outage(_as_raised(errors.lookup(state)("something"))) is None, OURS[state]


def test_what_the_driver_finds_out_by_itself_has_no_code() -> None:
    """That it cannot connect is an outage; that it cannot make SQL of a value is not."""
    assert outage(_as_raised(psycopg.OperationalError("connection refused")))
    assert outage(_as_raised(errors.ConnectionTimeout("connection timeout expired")))
    assert outage(_as_raised(psycopg.ProgrammingError("cannot adapt type"))) is None
    assert outage(_as_raised(psycopg.DataError("text cannot contain NUL"))) is None
    assert outage(LookupError("none of the database's")) is None


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_who_met_another_half_way_is_told_apart(state: str) -> None:
    """It may be tried again at once."""
    assert conflict(_as_raised(errors.lookup(state)("something")))
    assert not conflict(_as_raised(errors.lookup("53100")("something")))


@contextmanager
def _sqlite(folder: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(folder / "file.db", isolation_level=None, timeout=0)
    connection.execute("create table one (number integer primary key) strict")
    yield connection
    connection.close()


def _raised(act: Callable[[], Any]) -> exc.DBAPIError:
    with pytest.raises(sqlite3.Error) as raised:
        act()
    return _as_raised(raised.value)


def test_what_sqlite_says_of_itself_passes(tmp_path: Path) -> None:
    """A full disk, a file that may not be written, one that another has locked, and one that is no database."""
    with _sqlite(tmp_path) as connection:
        connection.execute("pragma max_page_count=2")
        assert outage(_raised(lambda: connection.execute("create table two (number)")))
        connection.execute("pragma query_only=1")
        assert outage(_raised(lambda: connection.execute("insert into one values (1)")))
        connection.execute("pragma query_only=0")
        connection.execute("begin exclusive")
        other = sqlite3.connect(tmp_path / "file.db", timeout=0)
        assert outage(_raised(lambda: other.execute("select * from one")))
        other.close()
    (tmp_path / "letter.db").write_bytes(b"Dear reader" * 100)
    letter = sqlite3.connect(tmp_path / "letter.db")
    assert outage(_raised(lambda: letter.execute("select * from one")))
    letter.close()


def test_what_sqlite_says_of_our_statement_does_not(tmp_path: Path) -> None:
    """No such table, a row that is there, a value of the wrong type, a statement with too few values."""
    with _sqlite(tmp_path) as connection:
        connection.execute("insert into one values (1)")
        for wrong in ("select * from nowhere", "insert into one values (1)", "insert into one values ('a')"):
            assert outage(_raised(lambda wrong=wrong: connection.execute(wrong))) is None, wrong  # type: ignore[misc]
        assert outage(_raised(lambda: connection.execute("insert into one values (?)"))) is None


# -- by way of a store


def _row(connection: Connection) -> bool:
    return insert_once(connection, breaker, {"organisation": "tax", "state": "open", "since": 0.0})


def _playing(store: Store, scene: Callable[[Store], Awaitable[None]]) -> None:
    async def play() -> None:
        async with started(store):
            await scene(store)

    asyncio.run(play())


def test_a_pool_that_has_no_connection_left_is_an_outage(settings: Settings) -> None:
    """A database that answers slowly uses them up; nothing is wrong with what was asked."""
    store = open_store(settings, "dispatch")
    for name in ("writer", "reader"):
        engine = getattr(store, name)
        setattr(store, name, create_engine(engine.url, pool_size=1, max_overflow=0, pool_timeout=0.01))
        engine.dispose()

    async def scene(store: Store) -> None:
        for engine, ask in ((store.writer, store.run), (store.reader, store.read)):
            with engine.connect(), pytest.raises(StoreUnavailable, match="NoConnectionFree"):
                await ask(lambda connection: connection.execute(text("select 1")).scalar())
            assert not store.available
            assert await ask(lambda connection: connection.execute(text("select 1")).scalar()) == 1
            assert store.available

    _playing(store, scene)


def test_a_postgresql_that_is_read_only_takes_nothing(database: str, tmp_path: Path) -> None:
    """After a failover, or when its disk is full: it says so, and once it may be written again nothing is missing."""
    store = open_store(Settings(data=tmp_path, database=database), "dispatch")
    read_only = True

    @event.listens_for(store.writer, "begin")
    def _standby(connection: Connection) -> None:
        if read_only:
            connection.exec_driver_sql("set transaction read only")

    async def scene(store: Store) -> None:
        nonlocal read_only
        with pytest.raises(StoreUnavailable, match="ReadOnlySqlTransaction"):
            await store.run(_row)
        read_only = False
        assert await store.run(_row)

    _playing(store, scene)


def test_a_postgresql_that_ends_our_session_is_an_outage(database: str, tmp_path: Path) -> None:
    """As a restart of the server does, also in the middle of a transaction; the next act has a new connection."""
    store = open_store(Settings(data=tmp_path, database=database), "dispatch")

    def ended(connection: Connection) -> None:
        connection.execute(text("select pg_terminate_backend(pg_backend_pid())"))

    async def scene(store: Store) -> None:
        for ask in (store.run, store.read):
            with pytest.raises(StoreUnavailable, match="AdminShutdown"):
                await ask(ended)
        assert await store.run(_row)

    _playing(store, scene)


def test_a_mistake_after_which_postgresql_takes_no_more_is_ours(database: str, tmp_path: Path) -> None:
    """Whoever swallows an error inside a transaction hears of it; the others' acts are done."""
    store = open_store(Settings(data=tmp_path, database=database), "dispatch")

    def swallowing(connection: Connection) -> None:
        with pytest.raises(exc.ProgrammingError):
            connection.execute(text("select lost from nowhere"))
        connection.execute(text("select 1"))

    async def scene(store: Store) -> None:
        wrong, right = await asyncio.gather(store.run(swallowing), store.run(_row), return_exceptions=True)
        assert isinstance(wrong, exc.InternalError)
        assert right is True

    _playing(store, scene)


def test_two_that_meet_half_way_are_both_done(database: str, tmp_path: Path) -> None:
    """Two processes lock two rows in opposite orders: PostgreSQL ends one of them, and it is done after the other."""
    settings = Settings(data=tmp_path, database=database)
    lock = text("select state from breaker where organisation = :name for update")

    async def play() -> None:
        async with started(open_store(settings, "dispatch")) as one, started(open_store(settings, "dispatch")) as two:
            for name in ("a", "b"):
                row = {"organisation": name, "state": "open", "since": 0.0}
                await one.run(lambda connection, row=row: insert_once(connection, breaker, row))  # type: ignore[misc]
            barrier = threading.Barrier(2)
            met = [False, False]

            def locking(me: int, name: str) -> Callable[[Connection], None]:
                def act(connection: Connection) -> None:
                    connection.execute(lock, {"name": name})
                    if not met[me]:
                        met[me] = True
                        barrier.wait(60)

                return act

            acts = [
                one.run(locking(0, "a")),
                one.run(lambda connection: connection.execute(lock, {"name": "b"}).scalar_one()),
                two.run(locking(1, "b")),
                two.run(lambda connection: connection.execute(lock, {"name": "a"}).scalar_one()),
            ]
            async with asyncio.timeout(30):
                assert await asyncio.gather(*acts) == [None, "open", None, "open"]

    asyncio.run(play())
