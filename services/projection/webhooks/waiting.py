"""Letters that wait: each vehicle's in their order, in the runtime's table of what is parked.

What is kept is where a letter stands on its topic, and never what stands there: it is taken down again for each try.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select, update

from services.runtime import parking
from services.runtime.clock import Clock
from services.runtime.owner import Fence
from services.runtime.parking import Parked, Wanted
from services.runtime.record import Place, Record
from services.runtime.store import Op, Store, waited_out
from services.runtime.tables import parked

from . import losses

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One subscriber's. All methods wait out a store that is away; writing raises `Gone` behind the fence."""

    store: Store
    fence: Fence
    clock: Clock

    async def behind(self, record: Record) -> bool:
        """Have it wait if something of its vehicle does; whether it must."""

        def act(connection: Connection) -> bool:
            self.fence.check(connection, record.place)
            return parking.park_behind(connection, self._row(record))[0]

        return await self._durable(act)

    async def put(self, record: Record, failure: str, wait_s: float) -> None:
        """Have one wait that was posted and not taken."""
        row = replace(self._row(record), tries=1, failure=failure, not_before=self._now() + wait_s)
        await self._durable(lambda connection: self._put(connection, row))

    async def put_again(self, row: Parked, failure: str, wait_s: float) -> None:
        """The same of one that waited already."""
        later = replace(row, tries=row.tries + 1, failure=failure, not_before=self._now() + wait_s)
        await self._durable(lambda connection: self._put(connection, later))

    async def forget(self, row: Parked) -> None:
        """It was taken, or is not to be told any more; what stands behind it is next."""
        await self._durable(lambda connection: self._remove(connection, row))

    async def lost(self, row: Parked, subscriber: str) -> None:
        """It can be told no more, which is noted for people; what stands behind it is next."""

        def act(connection: Connection) -> None:
            self._remove(connection, row)
            losses.note(connection, losses.of(row, subscriber, self._now()))

        await self._durable(act)

    def _remove(self, connection: Connection, row: Parked) -> None:
        self.fence.check(connection, row.record.place)
        parking.remove(connection, row)

    async def due(self, places: Collection[Place], most: int) -> list[Parked]:
        """Those that may be posted now: of each vehicle the first."""
        now = self._now()
        act = lambda connection: parking.due_heads(connection, self.fence.consumer, places, now, most)  # noqa: E731
        return await waited_out(lambda: self.store.read(act))

    def _put(self, connection: Connection, row: Parked) -> None:
        self.fence.check(connection, row.record.place)
        if not parking.put(connection, row):
            parking.park(connection, row)

    def _row(self, record: Record) -> Parked:
        return row_of(self.fence.consumer, record, self._now())

    def _now(self) -> float:
        return self.clock.now().timestamp()

    async def _durable(self, op: Op[T]) -> T:
        return await waited_out(lambda: self.store.run(op))


def row_of(consumer: str, record: Record, now: float) -> Parked:
    """The row of a letter that waits, due at once."""
    bare = record._replace(headers=(("ce_id", record.id.encode()),), value=b"")
    return Parked(consumer, bare, since=now, not_before=now)


def queue(consumer: str, records: Iterable[Record], now: float) -> Op[int]:
    """An act that has all of these wait, and tells how many did not as yet."""

    def act(connection: Connection) -> int:
        return sum([parking.park(connection, row_of(consumer, record, now)) for record in records])

    return act


def hasten(consumer: str, now: float) -> Op[None]:
    """An act that makes all that waits due at once."""

    def act(connection: Connection) -> None:
        connection.execute(update(parked).where(parked.c.consumer == consumer).values(not_before=now))

    return act


def summary(connection: Connection, consumers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By consumer, how many wait, since when the oldest of them, and when the first that was tried is tried again."""
    found = {}
    again = select(func.min(parked.c.not_before)).where(parked.c.tries > 0)
    for consumer in consumers:
        wanted = Wanted(consumers=(consumer,))
        oldest = parking.page(connection, wanted, None, 1)
        found[consumer] = {
            "waiting": parking.count(connection, wanted),
            "oldest": oldest[0].since if oldest else None,
            "again": connection.execute(again.where(parked.c.consumer == consumer)).scalar(),
        }
    return found
