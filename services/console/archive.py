"""Reads the console's store: one question, one function. Each runs on a reading connection."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from services.console import traces, views
from services.console.organisations import Organisation
from services.console.tables import cases, deliveries, spans, steps
from services.console.traces import Trace
from services.console.views import Case, CaseLine, Row

GROUPS: Final = {
    "open": ("OPEN", "CANCELLING"),
    "hold": ("HOLD",),
    "manual": ("MANUAL",),
    "closed": ("CLOSED",),
    "cancelled": ("CANCELLED",),
    "refused": ("REFUSED",),
}
"""How headlines are counted. What is over and unfinished is with those that need a person, and listed apart as well."""

MOST_SPANS: Final = 5_000


def counts(connection: Connection) -> dict[str, int]:
    """How many cases there are of each group, each case in one; and how many of those that need a person are over."""
    chosen = select(cases.c.unfinished, cases.c.headline, func.count().label("number"))
    rows = connection.execute(chosen.group_by(cases.c.unfinished, cases.c.headline)).all()
    by_headline = {row.headline: row.number for row in rows if not row.unfinished}
    unfinished = sum(row.number for row in rows if row.unfinished)
    counted = {group: sum(by_headline.get(word, 0) for word in headlines) for group, headlines in GROUPS.items()}
    return counted | {"manual": counted["manual"] + unfinished, "unfinished": unfinished}


def delivery_counts(connection: Connection) -> dict[str, int]:
    """How many deliveries the store knows to be parked or dead."""
    number = func.count().label("number")
    chosen = select(deliveries.c.state, number).where(deliveries.c.state.in_(("parked", "dead")))
    found = {row.state: row.number for row in connection.execute(chosen.group_by(deliveries.c.state))}
    return {state: found.get(state, 0) for state in ("parked", "dead")}


def listed(connection: Connection, group: str | None = None, limit: int = 50) -> list[CaseLine]:
    """The cases that changed last, of one group or of all."""
    query = select(cases).order_by(cases.c.changed_at.desc()).limit(limit)
    return _lines(connection, query if group is None else query.where(_of(group)))


def _of(group: str) -> ColumnElement[bool]:
    match group:
        case "unfinished":
            return cases.c.unfinished
        case "manual":
            return cases.c.unfinished | cases.c.headline.in_(GROUPS[group])
        case _:
            return cases.c.unfinished.is_(False) & cases.c.headline.in_(GROUPS[group])


def search(connection: Connection, wanted: str, limit: int = 50) -> list[CaseLine]:
    """The cases with that id, VIN or order number, however it was typed; the newest first."""
    typed = unicodedata.normalize("NFKC", wanted).strip()
    matches = or_(cases.c.case_id == typed.lower(), cases.c.case_id == typed, cases.c.vin == typed.upper())
    query = select(cases).where(or_(matches, cases.c.order_no.in_({typed, wanted.strip()})))
    return _lines(connection, query.order_by(cases.c.opened_at.desc()).limit(limit))


def case(connection: Connection, case_id: str, now: datetime, organisations: Mapping[str, Organisation]) -> Case | None:
    """The whole case as it stands at a moment, if it is known; `organisations` as dispatch told of them last."""
    found = _rows(connection, select(cases).where(cases.c.case_id == case_id))
    if not found:
        return None
    history = select(steps).where(steps.c.case_id == case_id).order_by(steps.c.version, steps.c.position)
    sent = select(deliveries).where(deliveries.c.case_id == case_id)
    return views.case(found[0], _rows(connection, history), _rows(connection, sent), now, organisations)


def cases_of(connection: Connection, delivery_ids: Collection[str]) -> dict[str, str]:
    """To which case each of these deliveries belongs, of those that are known."""
    query = select(deliveries.c.delivery_id, deliveries.c.case_id).where(deliveries.c.delivery_id.in_(delivery_ids))
    return {row.delivery_id: row.case_id for row in connection.execute(query)}


def trace(connection: Connection, case_id: str) -> Trace:
    """The spans of every trace in which the case stands; of a huge one the first."""
    of_case = select(spans.c.trace_id).where(spans.c.case_id == case_id).distinct()
    query = select(spans).where(spans.c.trace_id.in_(of_case)).order_by(spans.c.start_ns).limit(MOST_SPANS)
    return traces.trace(case_id, _rows(connection, query))


def _lines(connection: Connection, query: Select[Any]) -> list[CaseLine]:
    return [views.line(row) for row in _rows(connection, query)]


def _rows(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(zip(row._fields, row, strict=True)) for row in connection.execute(query)]
