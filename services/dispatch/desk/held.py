"""What is held in lanes for an organisation that may not be called, noted in the store for people in any process.

The lanes hold it and Kafka keeps it, whatever becomes of a note. A note counts for as long as nobody but its writer
owns the partition: what a process left behind is still seen after its end, until the next owner has it and says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exists, func, select, tuple_
from sqlalchemy.sql import ColumnElement

from contracts.envelope import Undecodable, envelope_of
from services.dispatch.tables import held
from services.runtime.breaker import State
from services.runtime.packing import pack_record, unpack_record
from services.runtime.parking import Mark, Wanted
from services.runtime.record import Place, Record
from services.runtime.sql import upsert
from services.runtime.store import Store, waited_out
from services.runtime.tables import owner, parked

from .counter import Counter

_LOOK_S: Final = 1.0
_LASTING_S: Final = 3.0
"""Who comes back sooner was hardly away: nothing is written for that, unless a person looks."""
_AT_ONCE: Final = 200
_KEYS: Final = ("consumer", "id")


@dataclass(frozen=True, slots=True)
class Held:
    """A command that waits in its lane for its organisation to come back. `since`: when it became due."""

    consumer: str
    record: Record
    case: str
    command: str
    since: float


@dataclass(slots=True)
class Holding:
    """Keeps the notes about this process's own lanes."""

    store: Store
    counters: Mapping[str, Counter]
    _noted: dict[str, set[str]] = field(default_factory=dict)
    _cleared: dict[str, set[Place]] = field(default_factory=dict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Note what is held, for as long as the service lives."""
        while True:
            await waited_out(lambda: self.note(_LASTING_S))
            await asyncio.sleep(_LOOK_S)

    async def note(self, lasting_s: float = 0.0) -> None:
        """Have the notes say what is held now where it is held for so long. Raises `StoreUnavailable`."""
        async with self._one_at_a_time:
            for counter in self.counters.values():
                await self._clear(counter)
                await self._note(counter, lasting_s)

    async def _clear(self, counter: Counter) -> None:
        """Have the notes go that others left about partitions which are ours now: they count no more."""
        consumer, mine = counter.deliveries.book.consumer, counter.deliveries.attempts.mine
        cleared = self._cleared.setdefault(consumer, set())
        cleared &= mine
        new = mine - cleared
        # Looked for by a reader: mostly there are none, and the writer has better things to do.
        while new and (left := await self.store.read(partial(_left, consumer=consumer, places=new))):
            await self.store.run(partial(_forget_left, consumer=consumer, ids=left))
        cleared |= new

    async def _note(self, counter: Counter, lasting_s: float) -> None:
        book, breaker = counter.deliveries.book, counter.deliveries.breaker
        consumer, who = book.consumer, book.fence.name
        records: dict[str, Record] = {}
        if breaker.state is not State.CLOSED and (consumer in self._noted or breaker.gone_s >= lasting_s):
            records = {record.id: record for record in counter.lanes.waiting()}
        elif consumer not in self._noted:
            return
        noted = self._noted.setdefault(consumer, set())
        if gone := noted - records.keys():
            await self.store.run(lambda connection: _forget(connection, consumer, who, gone))
            noted -= gone
        for some in _batches([id_ for id_ in records if id_ not in noted]):
            rows = [_columns(found, who) for id_ in some if (found := _held(consumer, records[id_])) is not None]
            await self.store.run(lambda connection: _keep(connection, rows))  # noqa: B023 - awaited here
            noted.update(some)
        if not noted:
            del self._noted[consumer]


def _held(consumer: str, record: Record) -> Held | None:
    try:
        envelope = envelope_of(record.headers)
    except Undecodable:
        return None  # its turn will come to be set aside
    command = envelope.type.removeprefix("tongche.").rsplit(".", 1)[0]
    return Held(consumer, record, envelope.subject, command, envelope.time.timestamp())


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while some := list(islice(left, _AT_ONCE)):
        yield some


# -- acts of who holds it


def _keep(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        upsert(connection, held, _KEYS, row)


def _forget(connection: Connection, consumer: str, who: str, ids: Collection[str]) -> None:
    # Whoever has its partition now may have noted it anew.
    mine = (held.c.consumer == consumer) & (held.c.who == who)
    for some in _batches(list(ids)):
        connection.execute(delete(held).where(mine, held.c.id.in_(some)))


def _left(connection: Connection, consumer: str, places: Collection[Place]) -> list[str]:
    """Some that those noted who have lost these partitions."""
    there = tuple_(held.c.topic, held.c.partition).in_(map(tuple, places))
    query = select(held.c.id).where(held.c.consumer == consumer, there, ~_counts()).limit(_AT_ONCE)
    return list(connection.execute(query).scalars())


def _forget_left(connection: Connection, consumer: str, ids: Collection[str]) -> None:
    # Whoever has its partition now may have noted it anew.
    connection.execute(delete(held).where(held.c.consumer == consumer, held.c.id.in_(ids), ~_counts()))


def forget_stale(connection: Connection) -> None:
    """Delete all notes of those who have lost their partitions: also what they wrote late, not having heard of it."""
    connection.execute(delete(held).where(~_counts()))


def _columns(one: Held, who: str) -> dict[str, Any]:
    return {
        "consumer": one.consumer,
        **pack_record(one.record),
        "case_id": one.case,
        "command": one.command,
        "since": one.since,
        "who": who,
    }


# -- what people ask


def page(connection: Connection, wanted: Wanted, after: Mark | None, most: int) -> list[Held]:
    """Held commands, oldest first, those after a mark."""
    query = select(held).where(*_conditions(wanted)).order_by(held.c.since, held.c.id).limit(most)
    if after is not None:
        query = query.where(tuple_(held.c.since, held.c.id) > tuple_(*after))
    return list(map(_read, connection.execute(query)))


def count(connection: Connection, wanted: Wanted) -> int:
    """How many there are of them."""
    return connection.execute(select(func.count()).select_from(held).where(*_conditions(wanted))).scalar_one()


def find(connection: Connection, id_: str, consumers: Collection[str]) -> Held | None:
    """One held command of these consumers."""
    query = select(held).where(held.c.consumer.in_(consumers), held.c.id == id_, *_there())
    row = connection.execute(query).first()
    return _read(row) if row else None


def lane(connection: Connection, one: Held) -> list[Held]:
    """All that is held of its vehicle, in the order in which it will go."""
    record = one.record
    same = (
        held.c.consumer == one.consumer,
        held.c.topic == record.topic,
        held.c.partition == record.partition,
        held.c.key == record.key,
    )
    return list(map(_read, connection.execute(select(held).where(*same, *_there()).order_by(held.c.offset))))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    equal = ((held.c.command, wanted.command), (held.c.case_id, wanted.case), (held.c.key, wanted.key))
    found = [*_there(), *(column == value for column, value in equal if value is not None)]
    if wanted.consumers is not None:
        found.append(held.c.consumer.in_(wanted.consumers))
    if wanted.before is not None:
        found.append(held.c.since < wanted.before)
    if wanted.failure is not None:
        found.append(held.c.id.is_(None))  # nothing has failed of what was never tried
    return found


def _there() -> tuple[ColumnElement[bool], ...]:
    """Notes that count, of what was not parked a moment ago: that may still be in its lane."""
    is_parked = exists().where(parked.c.consumer == held.c.consumer, parked.c.id == held.c.id)
    return _counts(), ~is_parked


def _counts() -> ColumnElement[bool]:
    place = (owner.c.consumer == held.c.consumer, owner.c.topic == held.c.topic)
    return ~exists().where(*place, owner.c.partition == held.c.partition, owner.c.who != held.c.who)


def _read(row: Row[Any]) -> Held:
    return Held(row.consumer, unpack_record(row), row.case_id, row.command, row.since)
