"""The statements that SQLAlchemy does not spell alike for our two databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql, sqlite

_NOW: Final = {
    "postgresql": text("select extract(epoch from clock_timestamp())"),
    "sqlite": text("select (julianday('now') - 2440587.5) * 86400.0"),
}
_ONE_AT_A_TIME: Final = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")


def _insert(table: Table, dialect: str) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


# Each statement is put together once: that costs a hundred times what it costs to run.
@cache
def _once(table: Table, dialect: str) -> Any:
    return _insert(table, dialect).on_conflict_do_nothing()


@cache
def _replacing(table: Table, dialect: str, keys: tuple[str, ...], columns: tuple[str, ...]) -> Any:
    statement = _insert(table, dialect)
    others = {name: statement.excluded[name] for name in columns if name not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=others)


def upsert(connection: Connection, table: Table, keys: Sequence[str], row: Mapping[str, Any]) -> None:
    """Insert a row, or replace the other columns of the one with the same keys."""
    upsert_all(connection, table, keys, [row])


def upsert_all(connection: Connection, table: Table, keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """The same for many rows, which all have the same columns."""
    if rows:
        statement = _replacing(table, connection.dialect.name, tuple(keys), tuple(rows[0]))
        connection.execute(statement, rows)


def insert_once(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless its primary key is there; whether it was new."""
    statement = _once(table, connection.dialect.name)
    # PostgreSQL's driver tells how many rows an insert made only when asked to keep the count.
    return connection.execute(statement, row, execution_options={"preserve_rowcount": True}).rowcount == 1


def insert_each_once(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose primary keys are not there, in one statement."""
    if rows:
        connection.execute(_once(table, connection.dialect.name), rows)


def insert_those_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Insert the rows whose primary keys are not there; gives back the keys of those that were new.

    Many rows a statement, not a statement a row: for each statement the driver lets go of the interpreter, and a busy
    event loop makes it wait to get it back for longer than the database took.
    """
    if not rows:
        return set()
    statement = _once(table, connection.dialect.name).returning(*table.primary_key.columns)
    return {tuple(row) for row in connection.execute(statement, list(rows))}


def one_at_a_time(connection: Connection, name: str) -> None:
    """Wait until no other transaction has been here under this name without having ended.

    What each of two must see of the other, neither misses. SQLite has one that writes at a time anyhow.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_ONE_AT_A_TIME, {"name": name})


def now(connection: Connection) -> float:
    """This moment by the database's clock, the only one that all processes share; seconds since 1970."""
    return float(connection.execute(_NOW[connection.dialect.name]).scalar_one())
