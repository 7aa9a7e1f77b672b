"""How long cases take, against what the registration pilots report; and where the time goes, by step and by agency.

Every quantile is exact: the value at its rank (the smallest that at least that share does not exceed), read from an
index that holds the lengths in order. So memory does not grow with the number of cases, and nothing is sorted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from math import ceil
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, func, select

from contracts.case import CaseKind
from contracts.types import CHINA, instant_text
from services.console import words
from services.console.tables import answer_times, cases, step_times

HALF_HOUR: Final = timedelta(minutes=30)
THREE_DAYS: Final = timedelta(days=3)
"""What the registration pilots report: from three days to under thirty minutes (rulebook §6); days of the clock."""
_SLOWEST: Final = 3
_MS: Final = timedelta(milliseconds=1)
_PARTS_OF_RULE: Final = re.compile(r"([A-Z]+)([0-9]+)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases: of one kind, and opened (steps taken, answers asked for) since a day began in China."""

    kind: CaseKind = "new-car"
    since: date | None = None

    def holds(self, table: Table, moment: str) -> ColumnElement[bool]:
        """The condition on a table whose moment stands in that column."""
        mine = table.c.kind == self.kind
        if self.since is None:
            return mine
        began = datetime.combine(self.since, time(), CHINA)
        return mine & (table.c[moment] >= instant_text(began))


def told(connection: Connection, wanted: Wanted, now: datetime) -> dict[str, Any]:
    """All of it, as JSON. Lengths are in seconds; shares are of the closed cases, None where there is none."""
    return {
        "kind": wanted.kind,
        "since": wanted.since.isoformat() if wanted.since else None,
        "cases": in_all(connection, wanted, now),
        "steps": _steps(connection, wanted),
        "agencies": _agencies(connection, wanted),
    }


def in_all(connection: Connection, wanted: Wanted, now: datetime) -> dict[str, Any]:
    """How long whole cases take, and how long those wait that are open."""
    return _closed(connection, wanted) | _open(connection, wanted, now)


def _closed(connection: Connection, wanted: Wanted) -> dict[str, Any]:
    closed = wanted.holds(cases, "opened_at") & (cases.c.headline == "CLOSED") & (cases.c.took_ms >= 0)
    number = _count(connection, closed)

    def share(limit: timedelta) -> float | None:
        return round(_count(connection, closed & (cases.c.took_ms <= limit // _MS)) / number, 4) if number else None

    slowest = select(cases.c.case_id, cases.c.took_ms).where(closed).order_by(cases.c.took_ms.desc()).limit(_SLOWEST)
    return {
        "closed": number,
        "within_30_min": share(HALF_HOUR),
        "within_3_days": share(THREE_DAYS),
        **_quantiles(connection, cases, closed, number),
        "slowest": [{"id": row.case_id, "took_s": row.took_ms / 1000} for row in connection.execute(slowest)],
    }


def _open(connection: Connection, wanted: Wanted, now: datetime) -> dict[str, Any]:
    """Apart, with how long they wait already: to leave them out would flatter."""
    still = wanted.holds(cases, "opened_at") & cases.c.closed_at.is_(None)
    number = _count(connection, still)
    oldest_first = select(cases.c.case_id, cases.c.opened_at).where(still).order_by(cases.c.opened_at)

    def waited(from_the_oldest: int) -> tuple[str | None, float | None]:
        row = connection.execute(oldest_first.limit(1).offset(from_the_oldest)).one_or_none()
        return (row.case_id, _waited_s(row.opened_at, now)) if row else (None, None)

    def beyond(limit: timedelta) -> int:
        return _count(connection, still & (cases.c.opened_at < instant_text(now - limit)))

    id_, longest = waited(0)
    return {
        "open": number,
        "open_over_30_min": beyond(HALF_HOUR),
        "open_over_3_days": beyond(THREE_DAYS),
        "open_median_s": waited(number - ceil(number / 2))[1] if number else None,
        "open_longest_s": longest,
        "open_longest": id_,
    }


def _waited_s(opened_at: str, now: datetime) -> float:
    # Another process's clock may be a little ahead of ours.
    return max(0.0, (now - datetime.fromisoformat(opened_at)) / timedelta(seconds=1))


def _steps(connection: Connection, wanted: Wanted) -> list[dict[str, Any]]:
    mine = wanted.holds(step_times, "at") & (step_times.c.took_ms >= 0)
    by = (step_times.c.rule, step_times.c.facet)
    groups = connection.execute(select(*by, func.count().label("number")).where(mine).group_by(*by)).all()
    return [
        {
            "rule": group.rule,
            "facet": group.facet,
            "count": group.number,
            **_quantiles(connection, step_times, mine & (by[0] == group.rule) & (by[1] == group.facet), group.number),
            "said": {"facet": asdict(words.facet(group.facet))},
        }
        for group in sorted(groups, key=lambda group: (_place(group.rule), group.facet))
    ]


def _agencies(connection: Connection, wanted: Wanted) -> list[dict[str, Any]]:
    """What is summed stands in the index as well; waiting, calling and tries are means of an answer."""
    mine = wanted.holds(answer_times, "at") & (answer_times.c.took_ms >= 0)
    by = (answer_times.c.organisation, answer_times.c.command)
    sums = (func.sum(answer_times.c[name]).label(name) for name in ("took_ms", "calling_ms", "tries"))
    rows = connection.execute(select(*by, func.count().label("number"), *sums).where(mine).group_by(*by))
    groups = [dict(row) for row in rows.mappings()]
    return [
        _agency(group)
        | _quantiles(
            connection,
            answer_times,
            mine & (by[0] == group["organisation"]) & (by[1] == group["command"]),
            group["number"],
        )
        for group in sorted(groups, key=lambda group: (group["organisation"], group["command"]))
    ]


def _agency(group: Mapping[str, Any]) -> dict[str, Any]:
    number = group["number"]
    return {
        "organisation": group["organisation"],
        "command": group["command"],
        "count": number,
        "waiting_s": round(int(group["took_ms"] - group["calling_ms"]) / number / 1000, 3),
        "calling_s": round(int(group["calling_ms"]) / number / 1000, 3),
        "tries": round(int(group["tries"]) / number, 3),
        "said": {
            "organisation": asdict(words.organisation(group["organisation"])),
            "command": asdict(words.command(group["command"])),
        },
    }


def _quantiles(connection: Connection, table: Table, which: ColumnElement[bool], number: int) -> dict[str, Any]:
    return {
        f"{name}_s": _at(connection, table, which, ceil(share * number) - 1) if number else None
        for name, share in (("median", 0.5), ("p95", 0.95))
    }


def _at(connection: Connection, table: Table, which: ColumnElement[bool], place: int) -> float | None:
    ordered = select(table.c.took_ms).where(which).order_by(table.c.took_ms)
    found = connection.scalar(ordered.limit(1).offset(place))
    return found / 1000 if found is not None else None


def _count(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(cases).where(which)) or 0


def _place(rule: str) -> tuple[str, int]:
    found = _PARTS_OF_RULE.fullmatch(rule)
    return (found[1], int(found[2])) if found else (rule, 0)
