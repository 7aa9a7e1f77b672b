"""What dispatch keeps of one organisation's deliveries: every write to its store, each behind the fence.

The order is always: store, say, let go. A crash between any two says the same again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sqlalchemy import Connection

from adapters.spec import Features
from services.runtime import ledger, outbox, parking
from services.runtime.clock import Clock
from services.runtime.owner import Fence
from services.runtime.parking import Parked
from services.runtime.record import Outgoing, Place, Record
from services.runtime.store import Op, Store, waited_out

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Book:
    """The ledger and the parked deliveries of one organisation. All methods wait out a store that is away.

    Writing raises `Gone` where the record's partition is somebody else's now.
    """

    store: Store
    fence: Fence
    features: Features
    clock: Clock = field(default_factory=Clock)

    @property
    def consumer(self) -> str:
        """The name under which this organisation's rows stand."""
        return self.fence.consumer

    @property
    def forgiving(self) -> bool:
        """Whether the organisation itself knows a second call for the same: then nothing is noted before a call."""
        return self.features is Features.IDEMPOTENT

    # -- the ledger

    async def decided(self, ids: Sequence[str]) -> Mapping[str, list[Outgoing]]:
        """What was decided before about commands, by id."""
        return await self.seen(lambda connection: ledger.decided(connection, self.consumer, ids))

    async def settle(self, record: Record, outputs: Sequence[Outgoing]) -> list[Outgoing]:
        """Store a command's outcome; gives back what is to be said, which an earlier try may have decided."""

        def act(connection: Connection) -> ledger.Decision:
            self._ended(connection, record)
            return ledger.decide_later(connection, self.consumer, record.id, outputs, self._now())

        return (await self.durable(act)).stored

    async def begin(self, record: Record, at: float) -> float | None:
        """Note that a call begins; if an earlier one never told how it ended, when that began."""

        def act(connection: Connection) -> float | None:
            self.fence.check(connection, record.place)
            return ledger.begin(connection, self.consumer, record.id, at)

        earlier = await self.durable(act)
        # Where nobody heard of the commit, the act is tried again and finds its own note.
        return None if earlier == at else earlier

    async def begin_again(self, record: Record, at: float) -> None:
        """Note that one more call begins, after one that never told how it ended."""

        def act(connection: Connection) -> None:
            self.fence.check(connection, record.place)
            ledger.begin_again(connection, self.consumer, record.id, at)

        await self.durable(act)

    async def end(self, record: Record) -> None:
        """Take that note back: nothing happened."""
        await self.durable(lambda connection: self._ended(connection, record))

    # -- the parked ones

    async def keys(self, places: Collection[Place], most: int) -> set[str]:
        """The keys of which something is parked in these partitions, so many at the most."""
        # Read only when all that was parked here before is durable; and not by the writer, whom everybody waits for.
        await self.durable(_nothing)
        return await self.seen(lambda connection: parking.keys(connection, self.consumer, places, most))

    async def due(self, places: Collection[Place], now: float, most: int) -> list[Parked]:
        """Heads that may be tried now."""
        return await self.seen(lambda connection: parking.due_heads(connection, self.consumer, places, now, most))

    async def park(
        self, row: Parked, said: Sequence[Outgoing], *, cut_off: bool, unheard: Op[bool] | None = None
    ) -> bool:
        """Store that a delivery waits or is dead, and have it said; False, and nothing of it, where `unheard` is so."""

        def act(connection: Connection) -> bool:
            self.fence.check(connection, row.record.place)
            if self._went_on(connection, row):
                return True
            if unheard is not None and unheard(connection):
                return False
            # That a call was cut off stays on record until an outcome clears it up.
            if not cut_off:
                self._ended(connection, row.record)
            if not parking.put(connection, row):
                parking.park(connection, row)
            for one in said:
                outbox.add_outgoing(connection, one)
            return True

        return await self.durable(act)

    async def park_behind(self, row: Parked, said: Outgoing) -> bool:
        """Park it, and have that said, only if something of its key is parked; whether it was."""

        def act(connection: Connection) -> bool:
            self.fence.check(connection, row.record.place)
            if self._went_on(connection, row):
                return True
            behind, new = parking.park_behind(connection, row)
            if new:
                outbox.add_outgoing(connection, said)
            return behind

        return await self.durable(act)

    async def take_up(self, row: Parked) -> Parked | None:
        """Note that a head is being tried, which nobody may then cancel or edit; gives it back as it was found.

        None where it does not stand as in `row` any more: since we looked a person has decided about it.
        """

        def act(connection: Connection) -> Parked | None:
            self.fence.check(connection, row.record.place)
            found = parking.find(connection, self.consumer, row.record.id, lock=True)
            if found is None or replace(found, trying=None) != replace(row, trying=None):
                return None
            parking.put(connection, replace(found, trying=self.fence.name))
            return found

        return await self.durable(act)

    async def bury(self, row: Parked, dead: Parked, said: Sequence[Outgoing]) -> bool:
        """Have a head that nobody tries be dead, and that said; False where it does not stand as in `row` any more."""

        def act(connection: Connection) -> bool:
            self.fence.check(connection, row.record.place)
            if parking.find(connection, self.consumer, row.record.id, lock=True) != row:
                return False
            parking.put(connection, dead)
            for one in said:
                outbox.add_outgoing(connection, one)
            return True

        return await self.durable(act)

    async def put_down(self, row: Parked) -> None:
        """Note that one that was taken up is not being tried for now, with what came of it so far."""

        def act(connection: Connection) -> None:
            self.fence.check(connection, row.record.place)
            parking.put(connection, row)

        await self.durable(act)

    async def answer(self, row: Parked, outputs: Sequence[Outgoing]) -> Parked:
        """Store the outcome of a parked delivery; it is let go once it has been said."""

        def act(connection: Connection) -> Parked:
            self._ended(connection, row.record)
            stored = ledger.decide(connection, self.consumer, row.record.id, outputs, self._now())
            answered = replace(row, state="answered", outputs=tuple(stored))
            parking.put(connection, answered)
            return answered

        return await self.durable(act)

    async def remove(self, row: Parked) -> bool:
        """Let a parked delivery go; whether anything of its key is left."""

        def act(connection: Connection) -> bool:
            self.fence.check(connection, row.record.place)
            return parking.remove(connection, row)

        return await self.durable(act)

    # -- the store

    def _went_on(self, connection: Connection, row: Parked) -> bool:
        """Whether it was parked already by a commit of which nobody heard; others may have dealt with it since.

        To park it once more would wake a delivery that is settled, or forget what was tried after.
        """
        if ledger.decided(connection, self.consumer, [row.record.id]):
            return True
        found = parking.find(connection, self.consumer, row.record.id)
        return found is not None and found.tries >= row.tries > 0

    def _ended(self, connection: Connection, record: Record) -> None:
        self.fence.check(connection, record.place)
        if not self.forgiving:
            ledger.end(connection, self.consumer, record.id)

    def _now(self) -> float:
        return self.clock.now().timestamp()

    async def durable(self, op: Op[T]) -> T:
        """Run an act that writes; returns when it is durable."""
        return await waited_out(lambda: self.store.run(op))

    async def seen(self, op: Op[T]) -> T:
        """Run an act that only reads."""
        return await waited_out(lambda: self.store.read(op))


def _nothing(_: Connection) -> None:
    """An act that is done when those before it are."""
