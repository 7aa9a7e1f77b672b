"""What a service's database holds of persons: declared beside its tables, counted for who holds the operator's token.

A service counts its own tables and tells numbers, so that nobody reads a neighbour's database. Counted are cases: each
is one sale to one buyer, so that distinct cases are never fewer than the buyers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fastapi import Depends, FastAPI
from sqlalchemy import Column, Connection, Float, Integer, Select, Table, Text, distinct, func, select, true, union_all
from sqlalchemy.sql import ColumnElement

from contracts.fields import FIELDS, field_names
from contracts.types import instant_text
from contracts.versions import Versions

from . import tables
from .operator import operator
from .settings import Secrets
from .store import Store


@dataclass(frozen=True, slots=True)
class Holding:
    """One table: which fields of the dictionary stand in it, whose they are, since when, and how long they are kept.

    Without `case` every row that fits `where` counts as a case of its own. Without `kept` nobody has set an end.
    `since` is a column with seconds or nanoseconds since 1970, or with an instant's text.
    """

    table: Table
    zh: str
    en: str
    fields: frozenset[str] = frozenset()
    case: Column[Any] | None = None
    since: Column[Any] | None = None
    kept: timedelta | None = None
    where: ColumnElement[bool] | None = None

    @property
    def rows(self) -> ColumnElement[bool]:
        """Which of its rows hold anything."""
        return true() if self.where is None else self.where


def fields_of(*contracts: Versions) -> frozenset[str]:
    """Every field that messages of these contracts may carry, in any version."""
    return frozenset(
        name for versions in contracts for model in versions.models for name in field_names(model) & FIELDS.keys()
    )


_RUNTIME: Final = (
    Holding(
        tables.ledger,
        "已处理的消息及其结果",
        "messages dealt with, and what came of them",
        since=tables.ledger.c.at,
        where=tables.ledger.c.outputs.is_not(None),
    ),
    Holding(tables.outbox, "待发消息", "messages about to be sent"),
    Holding(
        tables.parked,
        "搁置的投递",
        "deliveries that wait",
        case=tables.parked.c.case_id,
        since=tables.parked.c.since,
    ),
)
"""The runtime's own tables that keep messages: every service's database has them."""


def of_the_runtime(messages: frozenset[str]) -> tuple[Holding, ...]:
    """The runtime's tables in a service whose stored messages may carry these fields."""
    return tuple(replace(holding, fields=messages) for holding in _RUNTIME)


def counted(connection: Connection, holdings: Sequence[Holding]) -> dict[str, Any]:
    """Every table's count; over all of them together the distinct cases, and the persons, of whom there are no more.

    Persons are counted where there is a field that the dictionary marks as personal; a VIN alone is no name.
    """
    personal = [holding for holding in holdings if any(FIELDS[name].personal for name in holding.fields)]
    return {
        "tables": [_told(connection, holding) for holding in holdings],
        "cases": _cases(connection, [holding for holding in holdings if holding.fields]),
        "persons": _cases(connection, personal),
    }


def mount(app: FastAPI, store: Store, secrets: Secrets, holdings: Iterable[Holding]) -> None:
    """Offer `GET /holdings`."""
    declared = tuple(holdings)

    @app.get("/holdings", include_in_schema=False, dependencies=[Depends(operator(secrets))])
    async def told() -> dict[str, Any]:
        return await store.read(lambda connection: counted(connection, declared))


def _told(connection: Connection, holding: Holding) -> dict[str, Any]:
    return {
        "table": holding.table.name,
        "zh": holding.zh,
        "en": holding.en,
        "fields": sorted(holding.fields),
        "rows": _rows(connection, holding),
        "cases": _cases(connection, [holding]) if holding.fields else 0,
        "oldest": _oldest(connection, holding),
        "kept_days": None if holding.kept is None else holding.kept.days,
    }


def _cases(connection: Connection, holdings: Sequence[Holding]) -> int:
    """Distinct cases of those tables that name them, and for the others as many as they have rows."""
    named = [select(one.case.label("id")).where(one.case != "", one.rows) for one in holdings if one.case is not None]
    nameless = (one for one in holdings if one.case is None)
    return sum(_rows(connection, one) for one in nameless) + (_distinct(connection, named) if named else 0)


def _distinct(connection: Connection, named: Sequence[Select[Any]]) -> int:
    every = union_all(*named).subquery()
    return int(connection.execute(select(func.count(distinct(every.c.id)))).scalar_one())


def _rows(connection: Connection, holding: Holding) -> int:
    return int(connection.execute(select(func.count()).select_from(holding.table).where(holding.rows)).scalar_one())


def _oldest(connection: Connection, holding: Holding) -> str | None:
    if holding.since is None:
        return None
    found = connection.execute(select(func.min(holding.since)).where(holding.rows)).scalar_one()
    return None if found is None else next(_instants(holding.since, found))


def _instants(column: Column[Any], value: Any) -> Iterator[str]:
    match column.type:
        case Text():
            yield str(value)
        case Float():
            yield instant_text(datetime.fromtimestamp(value, UTC))
        case Integer():
            yield instant_text(datetime.fromtimestamp(value / 1e9, UTC))
