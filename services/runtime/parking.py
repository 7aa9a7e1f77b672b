"""Deliveries that wait while others go on: the acts on the `parked` table.

One key's rows stand in the order of their offsets; only the first, the head, is ever tried. All functions are acts:
they run inside a transaction of the store.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Row, Select, bindparam, case, delete, func, insert, select, tuple_, update
from sqlalchemy.sql import ColumnElement

from .packing import pack_messages, pack_record, unpack_messages, unpack_record
from .record import Outgoing, Place, Record
from .tables import outbox, parked

State = Literal["parked", "answered", "dead"]
History = tuple[dict[str, Any], ...]

_INSERT: Final = insert(parked)


@dataclass(frozen=True, slots=True)
class Parked:
    """One parked delivery. Times are seconds since 1970; `outputs` is there once it is answered.

    `revision` counts its editions, `decided` what people decided about it.
    `trying` names the process that tries it at this moment, as the owners' table names it; a name that is not its
    partition's owner there is left over from a process that ended.
    """

    consumer: str
    record: Record
    case: str = ""
    command: str = ""
    state: State = "parked"
    tries: int = 0
    not_before: float = 0.0
    since: float = 0.0
    deadline: float = 0.0
    revision: int = 1
    decided: int = 0
    trying: str | None = None
    failure: str | None = None
    reason: str | None = None
    outputs: tuple[Outgoing, ...] = ()
    history: History = ()


def park(connection: Connection, row: Parked) -> bool:
    """Put a delivery behind what is parked of its key; whether that is new. Parking it again changes nothing."""
    known = connection.execute(select(parked.c.id).where(_is(row.consumer, row.record.id))).first()
    if known is None:
        connection.execute(_INSERT, _columns(row))
    return known is None


def park_behind(connection: Connection, row: Parked) -> tuple[bool, bool]:
    """Park it only if something of its key is parked; whether it is there now, and whether that is new."""
    if not _waits(connection, row):
        return False, False
    return True, park(connection, row)


def _waits(connection: Connection, row: Parked) -> bool:
    return connection.execute(select(parked.c.id).where(_key(row)).limit(1)).first() is not None


def put(connection: Connection, row: Parked) -> bool:
    """Write a row's new state; False where it is not there any more."""
    changes = _columns(row)
    result = connection.execute(update(parked).where(_is(row.consumer, row.record.id)).values(**changes))
    return result.rowcount == 1


def wake(connection: Connection, consumer: str, id_: str, revision: int, now: float, until: float) -> bool:  # noqa: PLR0913, PLR0917 - which, and what of it
    """Have a delivery tried at once that is parked, or was given up: its answer is here. Whether there is one.

    It has until `until` at least; where a process tries it now, that process looks again soon enough.
    """
    waits = parked.c.state.in_(("parked", "dead"))
    mine = update(parked).where(_is(consumer, id_), parked.c.revision == revision, waits)
    deadline = case((parked.c.deadline < until, until), else_=parked.c.deadline)
    return connection.execute(mine.values(state="parked", not_before=now, deadline=deadline)).rowcount == 1


def remove(connection: Connection, row: Parked) -> bool:
    """Delete a row; whether anything of its key is left."""
    connection.execute(delete(parked).where(_is(row.consumer, row.record.id)))
    return connection.execute(select(parked.c.id).where(_key(row)).limit(1)).first() is not None


def find(connection: Connection, consumer: str, id_: str, *, lock: bool = False) -> Parked | None:
    """One parked delivery; with `lock` nobody else changes it before this transaction ends."""
    query = select(parked).where(_is(consumer, id_))
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _read(row) if row else None


def keys(connection: Connection, consumer: str, places: Collection[Place], most: int) -> set[str]:
    """The keys of which something is parked in these partitions, so many at the most."""
    query = select(parked.c.key).where(parked.c.consumer == consumer, _in(places)).distinct().limit(most)
    return set(connection.execute(query).scalars())


def due_heads(connection: Connection, consumer: str, places: Collection[Place], now: float, most: int) -> list[Parked]:
    """Heads that may be tried now, those that waited longest first.

    None of a vehicle of which something is stored and not yet said: what comes of the try would be heard before it.
    """
    wanted = {"consumer": consumer, "places": [tuple(place) for place in places], "now": now, "most": most}
    return list(map(_read, connection.execute(_DUE_HEADS, wanted)))


def _due_heads() -> Select[Any]:
    ahead = parked.alias("ahead")
    is_head = ~(
        select(ahead.c.id)
        .where(
            ahead.c.consumer == parked.c.consumer,
            ahead.c.topic == parked.c.topic,
            ahead.c.partition == parked.c.partition,
            ahead.c.key == parked.c.key,
            ahead.c.offset < parked.c.offset,
        )
        .exists()
    )
    due = (parked.c.state != "dead", parked.c.not_before <= bindparam("now"))
    mine = tuple_(parked.c.topic, parked.c.partition).in_(bindparam("places", expanding=True))
    said = ~select(outbox.c.seq).where(outbox.c.key == parked.c.key).exists()
    return (
        select(parked)
        .where(parked.c.consumer == bindparam("consumer"), *due, mine, is_head, said)
        .order_by(parked.c.not_before, parked.c.offset)
        .limit(bindparam("most"))
    )


_DUE_HEADS: Final = _due_heads()
"""Built once: it is asked by every worker all the time, and to build it takes longer than to answer it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person looks for; None is for what does not matter. `before`: due before this moment."""

    consumers: Collection[str] | None = None
    states: Collection[State] | None = None
    failure: str | None = None
    command: str | None = None
    case: str | None = None
    key: str | None = None
    before: float | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for a query over the table."""
        equal = ((parked.c.failure, self.failure), (parked.c.command, self.command), (parked.c.case_id, self.case))
        found = [column == value for column, value in (*equal, (parked.c.key, self.key)) if value is not None]
        if self.consumers is not None:
            found.append(parked.c.consumer.in_(self.consumers))
        if self.states is not None:
            found.append(parked.c.state.in_(self.states))
        if self.before is not None:
            found.append(parked.c.since < self.before)
        return found


Mark = tuple[float, str]
"""Where a page ended: the moment since which its last delivery is due, and its id."""


def page(connection: Connection, wanted: Wanted, after: Mark | None, most: int) -> list[Parked]:
    """Parked deliveries for people, oldest first, those after a mark."""
    query = select(parked).where(*wanted.conditions()).order_by(parked.c.since, parked.c.id).limit(most)
    if after is not None:
        query = query.where(tuple_(parked.c.since, parked.c.id) > tuple_(*after))
    return [_read(row) for row in connection.execute(query)]


def count(connection: Connection, wanted: Wanted) -> int:
    """How many there are of them."""
    return connection.execute(select(func.count()).select_from(parked).where(*wanted.conditions())).scalar_one()


def head_of(connection: Connection, row: Parked) -> Parked | None:
    """The first of its key, behind which it stands; None where it is the first itself."""
    query = select(parked).where(_key(row), parked.c.offset < row.record.offset).order_by(parked.c.offset).limit(1)
    found = connection.execute(query).first()
    return _read(found) if found else None


def behind(connection: Connection, row: Parked, most: int) -> list[Parked]:
    """What stands behind it, in the order in which it will go."""
    query = select(parked).where(_key(row), parked.c.offset > row.record.offset).order_by(parked.c.offset).limit(most)
    return [_read(found) for found in connection.execute(query)]


def consumer_of(connection: Connection, id_: str, consumers: Collection[str]) -> str | None:
    """With which of these consumers a delivery waits; None where it waits with none."""
    query = select(parked.c.consumer).where(parked.c.consumer.in_(consumers), parked.c.id == id_)
    return connection.execute(query).scalar()


def counts(connection: Connection, consumers: Collection[str]) -> dict[tuple[str, str], int]:
    """How many are in each state, by consumer, of these."""
    by = (parked.c.consumer, parked.c.state)
    query = select(*by, func.count()).where(parked.c.consumer.in_(consumers)).group_by(*by)
    return {(consumer, state): number for consumer, state, number in connection.execute(query)}


def _is(consumer: str, id_: str) -> ColumnElement[bool]:
    return (parked.c.consumer == consumer) & (parked.c.id == id_)


def _in(places: Collection[Place]) -> ColumnElement[bool]:
    return tuple_(parked.c.topic, parked.c.partition).in_([tuple(place) for place in places])


def _key(row: Parked) -> ColumnElement[bool]:
    record = row.record
    return (
        (parked.c.consumer == row.consumer)
        & (parked.c.topic == record.topic)
        & (parked.c.partition == record.partition)
        & (parked.c.key == record.key)
    )


def _columns(row: Parked) -> dict[str, Any]:
    return {
        "consumer": row.consumer,
        **pack_record(row.record),
        "case_id": row.case,
        "command": row.command,
        "state": row.state,
        "tries": row.tries,
        "not_before": row.not_before,
        "since": row.since,
        "deadline": row.deadline,
        "revision": row.revision,
        "decided": row.decided,
        "trying": row.trying,
        "failure": row.failure,
        "reason": row.reason,
        "outputs": pack_messages(row.outputs) if row.outputs else None,
        "history": to_json(row.history),
    }


def _read(row: Row[Any]) -> Parked:
    outputs: Sequence[Outgoing] = unpack_messages(row.outputs) if row.outputs else ()
    return Parked(
        row.consumer,
        unpack_record(row),
        case=row.case_id,
        command=row.command,
        state=row.state,
        tries=row.tries,
        not_before=row.not_before,
        since=row.since,
        deadline=row.deadline,
        revision=row.revision,
        decided=row.decided,
        trying=row.trying,
        failure=row.failure,
        reason=row.reason,
        outputs=tuple(outputs),
        history=tuple(from_json(row.history)),
    )
