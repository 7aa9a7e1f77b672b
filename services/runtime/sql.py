"""The one statement that SQLAlchemy does not spell alike for our two databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def _insert(table: Table, dialect: str) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


@cache
def _once(table: Table, dialect: str) -> Any:
    return _insert(table, dialect).on_conflict_do_nothing()


def upsert(connection: Connection, table: Table, keys: Sequence[str], row: Mapping[str, Any]) -> None:
    """Insert a row, or replace the other columns of the one with the same keys."""
    statement = _insert(table, connection.dialect.name).values(**row)
    others = {name: statement.excluded[name] for name in row if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=others))


def insert_once(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless its primary key is there; whether it was new."""
    statement = _once(table, connection.dialect.name)
    # PostgreSQL's driver tells how many rows an insert made only when asked to keep the count.
    return connection.execute(statement, row, execution_options={"preserve_rowcount": True}).rowcount == 1


def insert_those_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """Insert the rows whose primary keys are not there; gives back the keys of those that were new.

    Many rows a statement, not a statement a row: for each statement the driver lets go of the interpreter, and a busy
    event loop makes it wait to get it back for longer than the database took.
    """
    statement = _once(table, connection.dialect.name).returning(*table.primary_key.columns)
    return {tuple(row) for row in connection.execute(statement, list(rows))}
