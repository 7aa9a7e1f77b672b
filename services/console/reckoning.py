"""How long things took: worked out from what the topics told, case by case, after it has come to rest.

A case is reckoned again whenever it has changed. Reading and working out are done beside the store's one writer, which
only puts the results down: narrow rows in the order of their length, where a quantile is a place in an index.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, tuple_, update

from contracts.types import instant_text
from services.console.tables import answer_times, cases, deliveries, step_times, steps
from services.runtime.clock import Clock
from services.runtime.store import Store, waited_out

Row = Mapping[str, Any]
Goal = tuple[str, str]
"""A facet and the state that it came to; or a case and a command."""

AT_ONCE: Final = 100
MOST: Final = 2_000
"""Cases that a question waits for: a store that was just lifted from an earlier version has all of them to do."""
REST: Final = timedelta(seconds=10)
"""After its last change a case may still hear late news of its deliveries, which come on another topic."""
_PAUSE_S: Final = 2.0
_RULE: Final = re.compile(r"[TER][0-9]+")
_ANSWERED: Final = frozenset({"settled", "refused"})

ASKED_BY: Final = {
    ("coc", "AVAILABLE"): "coc.query",
    ("invoice", "ISSUED"): "invoice.request",
    ("loan", "APPROVED"): "loan.apply",
    ("tax", "ASSESSED"): "tax.declare",
    ("tax", "PAID"): "tax.pay",
    ("tax", "REFUNDED"): "tax.reclaim",
    ("ins", "QUOTED"): "insurance.quote",
    ("ins", "BOUND"): "insurance.bind",
    ("ins", "ENDORSED"): "insurance.endorse",
    ("ins", "CANCELLED"): "insurance.cancel",
    ("plate", "RESERVED"): "plate.reserve",
    ("plate", "ASSIGNED"): "registration.register",
    ("reg", "REGISTERED"): "registration.register",
    ("reg", "DEREGISTERED"): "registration.deregister",
    ("mort", "COSIGNED"): "mortgage.cosign",
    ("mort", "REGISTERED"): "mortgage.register",
    ("mort", "RELEASED"): "mortgage.release",
    ("elic", "ISSUED"): "elicence.issue",
    ("elic", "REVOKED"): "elicence.revoke",
    ("delivery", "SENT"): "plate.dispatch",
    ("delivery", "DONE"): "plate.track",
    ("qualification", "QUALIFIED"): "export.qualify",
    ("licence", "LICENSED"): "licence.apply",
    ("declaration", "DECLARED"): "export.declare",
    ("declaration", "EXITED"): "export.track",
}
"""Which command's answer takes a facet there. The journey asks as soon as a step can begin, so asking is beginning."""


@dataclass(frozen=True, slots=True)
class Reckoned:
    """The times of some cases. `took` and `rested` are by case: how long it took, and the version that is done with."""

    case_ids: tuple[str, ...] = ()
    took: tuple[dict[str, Any], ...] = ()
    rested: tuple[dict[str, Any], ...] = ()
    steps: tuple[dict[str, Any], ...] = ()
    answers: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class Reckoner:
    """Keeps the times in step with the cases."""

    store: Store
    clock: Clock
    most: int = MOST
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Reckon what has come to rest, for as long as the service lives; waits out a store that cannot write."""
        while True:
            await waited_out(lambda: self.reckon(before=self._rested()))
            await asyncio.sleep(_PAUSE_S)

    async def now(self) -> int:
        """Reckon what has changed as it stands now, but no more than somebody waits for; how many are still behind."""
        await self.reckon(before=None, most=self.most)
        return await self.store.read(partial(_behind, before=self._rested()))

    async def reckon(self, before: str | None, most: int | None = None) -> None:
        """Go once through the cases that have changed, up to a moment or about as many as that."""
        place, number = ("", ""), 0
        while most is None or number < most:
            found = await self._batch(place, before)
            if not found:
                return
            place, number = (found[-1]["changed_at"], found[-1]["case_id"]), number + len(found)

    async def _batch(self, after: tuple[str, str], before: str | None) -> list[Row]:
        # One at a time: what was read first must not be put down last.
        async with self._one:
            found = await self.store.read(partial(_changed, after=after, before=before))
            if found:
                done = await self.store.read(partial(reckoned, found=found, rested=self._rested()))
                await self.store.run(partial(keep, done=done))
            return found

    def _rested(self) -> str:
        return instant_text(self.clock.now() - REST)


def _changed(connection: Connection, after: tuple[str, str], before: str | None) -> list[Row]:
    columns = ("case_id", "kind", "version", "headline", "opened_at", "changed_at", "closed_at")
    place = (cases.c.changed_at, cases.c.case_id)
    query = select(*(cases.c[name] for name in columns)).where(cases.c.reckoned.is_(False), tuple_(*place) > after)
    if before is not None:
        query = query.where(cases.c.changed_at < before)
    return _rows(connection, query.order_by(*place).limit(AT_ONCE))


def _behind(connection: Connection, before: str) -> int:
    waiting = cases.c.reckoned.is_(False) & (cases.c.changed_at < before)
    return connection.scalar(select(func.count()).select_from(cases).where(waiting)) or 0


def reckoned(connection: Connection, found: Sequence[Row], rested: str) -> Reckoned:
    """Work out the times of some cases."""
    ids = [case["case_id"] for case in found]
    kinds = {case["case_id"]: case["kind"] for case in found}
    answers = _rows(connection, select(deliveries).where(deliveries.c.case_id.in_(ids)))
    story = select(steps).where(steps.c.case_id.in_(ids)).order_by(steps.c.case_id, steps.c.version, steps.c.position)
    asked: dict[tuple[str, str], list[str]] = {}
    for each in answers:
        asked.setdefault((each["case_id"], each["command"]), []).append(_asked(each))
    by_case = groupby(_rows(connection, story), key=itemgetter("case_id"))
    return Reckoned(
        case_ids=tuple(ids),
        took=tuple({"of": case["case_id"], "took": _took(case)} for case in found if case["closed_at"]),
        rested=tuple(
            {"of": case["case_id"], "as_of": case["version"]} for case in found if case["changed_at"] < rested
        ),
        steps=tuple(row | {"kind": kinds[id_]} for id_, told in by_case for row in step_rows(list(told), asked)),
        answers=tuple(row | {"kind": kinds[row["case_id"]]} for each in answers for row in _answer_rows(each)),
    )


_TOOK: Final = update(cases).where(cases.c.case_id == bindparam("of")).values(took_ms=bindparam("took"))
_RESTED: Final = (
    update(cases).where(cases.c.case_id == bindparam("of"), cases.c.version == bindparam("as_of")).values(reckoned=True)
)


def keep(connection: Connection, done: Reckoned) -> None:
    """Put the times of some cases in the place of those they had; one that has changed since is not done with."""
    for table, rows in ((step_times, done.steps), (answer_times, done.answers)):
        connection.execute(delete(table).where(table.c.case_id.in_(done.case_ids)))
        if rows:
            connection.execute(insert(table), list(rows))
    for statement, which in ((_TOOK, done.took), (_RESTED, done.rested)):
        if which:
            connection.execute(statement, list(which))


def step_rows(told: Sequence[Row], asked: Mapping[Goal, Sequence[str]]) -> Iterator[dict[str, Any]]:
    """How long each transition of one case took, in the order of its story.

    From when its command was first asked since the same transition last happened; one that needs no command follows
    from others of the same moment and takes no time. What nobody was seen to ask is not counted.
    """
    last: dict[Goal, str] = {}
    for step in told:
        if step["before"] == step["after"] or not _RULE.fullmatch(step["rule"]):
            continue
        since = _since(step, last, asked)
        goal = (step["facet"], step["after"])
        last[goal] = step["at"]
        if since is not None:
            names = ("case_id", "version", "position", "rule", "facet", "at")
            yield {name: step[name] for name in names} | {"took_ms": _between(since, step["at"])}


def _since(step: Row, last: Mapping[Goal, str], asked: Mapping[Goal, Sequence[str]]) -> str | None:
    goal = (step["facet"], step["after"])
    command = ASKED_BY.get(goal)
    if command is None:
        return step["at"] if step["at"] in last.values() else None
    before = last.get(goal, "")
    return min((at for at in asked.get((step["case_id"], command), ()) if before <= at <= step["at"]), default=None)


def _asked(delivery: Row) -> str:
    """As dispatch told it; of a delivery from before it did, when it was first tried."""
    if delivery["asked_at"]:
        return str(delivery["asked_at"])
    tries = json.loads(delivery["snapshot"]).get("attempts")
    return str(tries[0]["started_at"] if tries else delivery["changed_at"])


def _answer_rows(delivery: Row) -> Iterable[dict[str, Any]]:
    told = json.loads(delivery["snapshot"])
    attempts = told.get("attempts") or ()
    if delivery["state"] not in _ANSWERED or not attempts:
        return
    ended = _moment(attempts[-1]["started_at"]) + timedelta(milliseconds=attempts[-1]["duration_ms"])
    asked = _asked(delivery)
    calling = sum(each["duration_ms"] for each in attempts)
    yield {
        "case_id": delivery["case_id"],
        "delivery_id": delivery["delivery_id"],
        "organisation": delivery["organisation"],
        "command": delivery["command"],
        "at": asked,
        "took_ms": max(_between(asked, instant_text(ended)), calling),
        "calling_ms": calling,
        "tries": attempts[-1]["number"],
    }


def _took(case: Row) -> int:
    return _between(case["opened_at"], case["closed_at"])


def _between(start: str, end: str) -> int:
    return max(0, (_moment(end) - _moment(start)) // timedelta(milliseconds=1))


_moment = datetime.fromisoformat


def _rows(connection: Connection, query: Any) -> list[Row]:
    return [dict(zip(row._fields, row, strict=True)) for row in connection.execute(query)]
