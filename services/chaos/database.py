"""A PostgreSQL to be spoiled: a proxy before its port or its socket, the URL through it, and no more writing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import make_url

from services.chaos.proxy import Proxy


def link(database: str, random: Random) -> Proxy:
    """A proxy before the server of a URL; a folder in place of a host means a socket in it, as everywhere."""
    url = make_url(database)
    host, port = str(url.query.get("host", url.host or "127.0.0.1")), url.port or 5432
    if host.startswith("/"):
        return Proxy(host, port, random, path=f"{host}/.s.PGSQL.{port}")
    return Proxy(host, port, random)


def through(database: str, link: Proxy) -> str:
    """The same database by way of the link, which must be open."""
    url = make_url(database).difference_update_query(["host"]).set(host="127.0.0.1", port=link.port)
    return url.render_as_string(hide_password=False)


_CLOSED: Final = SQL("alter database {} set default_transaction_read_only = on")
_OPEN: Final = SQL("alter database {} reset default_transaction_read_only")
_ANEW: Final = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"


def forbid_writing(database: str) -> None:
    """Nobody can write to the database of a URL any more, as on a standby or when the disk behind it is full."""
    _become(database, _CLOSED)
    _anew(database)


def allow_writing(database: str) -> None:
    """Whoever connects from now on can write again. Who is connected goes on as it was connected."""
    _become(database, _OPEN)


@asynccontextmanager
async def read_only(database: str) -> AsyncIterator[None]:
    """Have nobody write for a while."""
    await asyncio.to_thread(forbid_writing, database)
    try:
        yield
    finally:
        await asyncio.to_thread(allow_writing, database)


def _become(database: str, statement: SQL) -> None:
    with _connected(database) as connection:
        connection.execute(statement.format(Identifier(connection.info.dbname)))


def _anew(database: str) -> None:
    """Have everybody connect again."""
    with _connected(database) as connection:
        connection.execute(_ANEW, [connection.info.dbname])


def _connected(database: str) -> psycopg.Connection:
    plain = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    # Or the database could not be opened again by whoever closed it.
    return psycopg.connect(plain, autocommit=True, options="-cdefault_transaction_read_only=off")
