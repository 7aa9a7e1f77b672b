"""Repairs of many deliveries: a plan that is stored and counted, then run, paused, cancelled. All functions are acts.

A plan holds its deliveries as they stood when it was made, vehicle by vehicle, those that waited longest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Row, Select, case, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.sql import ColumnElement

from services.dispatch.consumers import organisation_of
from services.dispatch.tables import items, repairs
from services.runtime import sql
from services.runtime.parking import Wanted
from services.runtime.tables import parked

from . import lineage
from .lineage import Act, Because, Name

ActName = Literal["retry", "cancel"]
State = Literal["planned", "running", "paused", "done", "cancelled"]
Counts = dict[str, dict[str, int]]

USUAL_RATE: Final = 5.0
"""Deliveries a second at each organisation, where nobody says otherwise: one that has just come back is spared."""
_ACTIVE: Final = ("running", "paused")
_MAY: Final[dict[Name, tuple[tuple[State, ...], State]]] = {
    "run": (("planned", "paused", "running"), "running"),
    "halt": (("running", "paused"), "paused"),
    "abandon": (("planned", "running", "paused"), "cancelled"),
}
"""From which states an act may lead, and to which."""
_TAKEN: Final = [
    parked.c[name]
    for name in ("id", "consumer", "topic", "partition", "key", "offset", "command", "failure", "since", "decided")
]
"""What a plan needs to know of a delivery: not the bytes of what it says."""
_AGES: Final = (("under 1 h", 3_600.0), ("1 h to 1 d", 86_400.0), ("1 d to 7 d", 604_800.0))
_OLDEST: Final = "over 7 d"


class UnknownRepair(LookupError):
    """There is no repair of that id."""


class CannotRepair(Exception):
    """The repair stands in a state from which that act does not lead."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person wants done to which deliveries, and why."""

    id: str
    act: ActName
    wanted: Wanted
    because: Because
    at: float


@dataclass(frozen=True, slots=True)
class Repair:
    """A plan as it stands. Moments are seconds since 1970."""

    id: str
    act: ActName
    state: State
    because: Because
    wanted: dict[str, Any]
    planned_at: float
    started_at: float | None
    ended_at: float | None
    per_second: float
    runner: str | None
    lease_until: float


@dataclass(frozen=True, slots=True)
class Item:
    """One delivery of a repair. `decided` counts what people had decided about it when it was planned."""

    position: int
    delivery: str
    consumer: str
    command: str
    failure: str | None
    since: float
    decided: int
    state: str
    why: str | None


def plan(connection: Connection, new: Plan) -> int:
    """Store a plan with its deliveries; how many these are. Of none nothing is stored."""
    rows = insert(items).from_select([column.name for column in items.columns], _planned(new))
    found = connection.execute(rows, execution_options={"preserve_rowcount": True}).rowcount
    if not found:
        return 0
    because = new.because
    row = {
        "id": new.id,
        "act": new.act,
        "state": "planned",
        "who": because.by,
        "reason": because.reason,
        "wanted": to_json(new.wanted).decode(),
        "not_carried_out": because.not_carried_out,
        "planned_at": new.at,
        "per_second": USUAL_RATE,
        "lease_until": 0.0,
    }
    connection.execute(insert(repairs), row)
    _told(connection, new.id, "plan", because, new.at)
    return found


def _planned(new: Plan) -> Select[Any]:
    vehicle = (parked.c.consumer, parked.c.topic, parked.c.partition, parked.c.key)
    first = func.min(parked.c.since).over(partition_by=vehicle).label("first")
    there = parked.c.state.in_(("parked", "dead"))
    found = select(*_TAKEN, first).where(there, *new.wanted.conditions()).subquery()
    in_order = (found.c.first, found.c.consumer, found.c.topic, found.c.partition, found.c.key, found.c.offset)
    return select(
        literal(new.id),
        func.row_number().over(order_by=in_order),
        found.c.id,
        found.c.consumer,
        found.c.command,
        found.c.failure,
        found.c.since,
        found.c.decided,
        literal("waiting"),
        literal(None, items.c.why.type),
        literal(None, items.c.at.type),
    )


# -- what people ask


def find(connection: Connection, id_: str, *, lock: bool = False) -> Repair:
    """One repair. Raises `UnknownRepair`."""
    query = select(repairs).where(repairs.c.id == id_)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise UnknownRepair(id_)
    return _read(row)


def page(connection: Connection, after: str | None, most: int) -> list[Repair]:
    """Repairs, the newest first; ids sort by time."""
    query = select(repairs).order_by(repairs.c.id.desc()).limit(most)
    if after is not None:
        query = query.where(repairs.c.id < after)
    return list(map(_read, connection.execute(query)))


def items_of(connection: Connection, id_: str, after: int, most: int) -> list[Item]:
    """Its deliveries in their order, those after a position."""
    query = select(items).where(items.c.repair == id_, items.c.position > after).order_by(items.c.position).limit(most)
    return [_item(row) for row in connection.execute(query)]


def progress(connection: Connection, id_: str) -> dict[str, Any]:
    """How far it is: done, skipped with why, waiting; and how what was done stands now."""
    query = select(items.c.state, items.c.why, func.count()).where(items.c.repair == id_)
    skipped: dict[str, int] = {}
    numbers = {"waiting": 0, "done": 0, "skipped": 0}
    for state, why, number in connection.execute(query.group_by(items.c.state, items.c.why)):
        numbers[state] += number
        if state == "skipped":
            skipped[why] = number
    return {"total": sum(numbers.values()), **numbers, "why_skipped": skipped, "since_then": _since(connection, id_)}


def _since(connection: Connection, id_: str) -> dict[str, int]:
    """How the deliveries that it acted upon stand now; what waits no more is gone."""
    there = (parked.c.consumer == items.c.consumer) & (parked.c.id == items.c.delivery)
    state = func.coalesce(parked.c.state, "gone")
    query = (
        select(state, func.count())
        .select_from(items.outerjoin(parked, there))
        .where(items.c.repair == id_, items.c.state == "done")
        .group_by(state)
    )
    return {name: number for name, number in connection.execute(query)}  # noqa: C416 - a row is no pair for mypy


def counts(connection: Connection, repair: Repair) -> Counts:
    """How many deliveries it has, by organisation, command, class of failure, and age when it was planned."""
    age = repair.planned_at - items.c.since
    ages = case(*((age < limit, name) for name, limit in _AGES), else_=_OLDEST)
    found = {
        "organisation": _by(connection, repair.id, items.c.consumer),
        "command": _by(connection, repair.id, items.c.command),
        "failure": _by(connection, repair.id, func.coalesce(items.c.failure, "behind")),
        "age": _by(connection, repair.id, ages),
    }
    found["organisation"] = {organisation_of(name): number for name, number in found["organisation"].items()}
    return found


def _by(connection: Connection, id_: str, what: ColumnElement[Any]) -> dict[str, int]:
    named = what.label("what")
    query = (
        select(named, func.count()).where(items.c.repair == id_).group_by(named).order_by(func.count().desc(), named)
    )
    return {name: number for name, number in connection.execute(query)}  # noqa: C416 - as above


# -- what people do


def turn(connection: Connection, id_: str, act: Name, because: Because, at: float) -> Repair:
    """Run, halt or abandon it; whoever ran it lets it go. Raises `UnknownRepair` or `CannotRepair`."""
    repair = find(connection, id_, lock=True)
    states, state = _MAY[act]
    if repair.state not in states:
        raise CannotRepair(repair.state)
    changes: dict[str, Any] = {"state": state}
    if state != "running":
        changes |= {"runner": None, "lease_until": 0.0}
    elif repair.started_at is None:
        changes["started_at"] = at
    if state == "cancelled":
        changes["ended_at"] = at
    _change(connection, id_, **changes)
    _told(connection, id_, act, because, at)
    return find(connection, id_)


def pace(connection: Connection, id_: str, per_second: float) -> None:
    """Have it act on no more than so many deliveries a second at each organisation."""
    _change(connection, id_, per_second=per_second)


def _told(connection: Connection, id_: str, act: Name, because: Because, at: float) -> None:
    lineage.keep(connection, Act(act, Because(because.reason, because.by, id_, because.not_carried_out), at))


# -- what its runner does; leases are by the database's clock, which no runner's own can shorten or prolong


def unattended(connection: Connection, runner: str) -> list[str]:
    """Running repairs that nobody else runs: none ever did, or who did has not been heard of since its lease ended."""
    query = select(repairs.c.id).where(repairs.c.state == "running", _free(connection, runner)).order_by(repairs.c.id)
    return list(connection.execute(query).scalars())


def claim(connection: Connection, id_: str, runner: str, lease_s: float) -> bool:
    """Become its runner for so many seconds; False where somebody else was faster."""
    mine = (repairs.c.id == id_) & (repairs.c.state == "running") & _free(connection, runner)
    lease = {"runner": runner, "lease_until": sql.now(connection) + lease_s}
    return connection.execute(update(repairs).where(mine).values(**lease)).rowcount == 1


def _free(connection: Connection, runner: str) -> ColumnElement[bool]:
    # Its own again: a claim may be durable though its runner never heard so.
    is_over = repairs.c.lease_until < sql.now(connection)
    return or_(repairs.c.runner.is_(None), repairs.c.runner == runner, is_over)


def extend(connection: Connection, repair: Repair, lease_s: float) -> None:
    """Stay its runner for so many seconds at least."""
    _change(connection, repair.id, lease_until=max(repair.lease_until, sql.now(connection) + lease_s))


def consumers_of(connection: Connection, id_: str) -> list[str]:
    """Whose deliveries it has yet to take."""
    waiting = select(items.c.consumer).where(items.c.repair == id_, items.c.state == "waiting").distinct()
    return sorted(connection.execute(waiting).scalars())


def next_of(connection: Connection, id_: str, consumer: str, most: int) -> list[Item]:
    """The next that it has to take of one organisation's, in their order."""
    waiting = (items.c.repair == id_, items.c.consumer == consumer, items.c.state == "waiting")
    query = select(items).where(*waiting).order_by(items.c.position).limit(most)
    return [_item(row) for row in connection.execute(query)]


def finish(connection: Connection, id_: str, at: float) -> None:
    """Nothing is left to do."""
    _change(connection, id_, state="done", ended_at=at, runner=None, lease_until=0.0)


def tick_off(connection: Connection, id_: str, item: Item, why: str | None, at: float) -> None:
    """A delivery was acted upon, or skipped for a reason."""
    this = (items.c.repair == id_) & (items.c.position == item.position)
    values = {"state": "skipped" if why else "done", "why": why, "at": at}
    connection.execute(update(items).where(this).values(**values))


def is_anothers(connection: Connection, repair: Repair, delivery: str) -> bool:
    """Whether a repair that was started earlier has yet to act on this delivery."""
    theirs = (
        select(items.c.repair)
        .join(repairs, repairs.c.id == items.c.repair)
        .where(
            items.c.delivery == delivery,
            items.c.state == "waiting",
            repairs.c.state.in_(_ACTIVE),
            tuple_(repairs.c.started_at, repairs.c.id) < tuple_(repair.started_at, repair.id),
        )
    )
    return connection.execute(theirs.limit(1)).first() is not None


def _change(connection: Connection, id_: str, **values: Any) -> None:
    connection.execute(update(repairs).where(repairs.c.id == id_).values(**values))


def _read(row: Row[Any]) -> Repair:
    return Repair(
        row.id,
        row.act,
        row.state,
        Because(row.reason, row.who, row.id, row.not_carried_out),
        from_json(row.wanted),
        row.planned_at,
        row.started_at,
        row.ended_at,
        row.per_second,
        row.runner,
        row.lease_until,
    )


def _item(row: Row[Any]) -> Item:
    names: Sequence[str] = Item.__slots__
    return Item(*(getattr(row, name) for name in names))
