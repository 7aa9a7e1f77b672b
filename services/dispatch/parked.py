"""Putting a delivery aside, with everything of its vehicle behind it, while other vehicles go on."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from observability import logs
from services.runtime.parking import Parked
from services.runtime.record import Outgoing, Place

from .book import Book
from .calls import Agency
from .delivery import Delivery, Failed, Overtaken
from .keys import Keys
from .unread import unread
from .voice import Fate, Voice, fate_unread


@dataclass(slots=True)
class ParkedDeliveries:
    """Parks one organisation's deliveries and says so."""

    agency: Agency
    book: Book
    voice: Voice
    keys: Keys = field(default_factory=Keys)
    """Of which keys something may be parked here: whoever comes with one looks whether it must wait behind."""
    _places: Collection[Place] = ()
    _learning: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def learn(self, places: Collection[Place]) -> None:
        """Find out which keys wait in the partitions that are ours now."""
        self._places = places
        async with self._learning:
            self.keys.listen()
            self.keys.learn(await self.book.keys(places, self.keys.most + 1))

    async def put_behind(self, delivery: Delivery) -> bool:
        """Park it if something of its vehicle is parked; whether it was."""
        key = delivery.record.key
        if key not in self.keys:
            return False
        fate = Fate("parked", deadline=delivery.deadline, reason="behind another of its vehicle")
        behind = await self.book.park_behind(self._row(delivery), self.voice.changed(delivery.command, key, fate))
        if not behind:
            await self._forget(key)
        return behind

    async def _forget(self, key: str) -> None:
        """Nothing of it waits any more; nobody but its lane, which is here, could change that."""
        self.keys.discard(key)
        if self.keys.doubtful:
            await self.learn(self._places)

    async def put(self, delivery: Delivery, failed: Failed, tries: int = 0) -> bool:
        """Store that it waits, or that it is dead, and say so; the head of its key if nothing waits before it.

        False where its answer has been brought to our door meanwhile: it is to be heard instead.
        """
        row = replace(
            self._row(delivery),
            state="dead" if failed.final else "parked",
            tries=tries + 1,
            not_before=failed.not_before,
            failure=failed.failure,
            reason=failed.reason,
        )
        cut_off, unheard = (
            delivery.cut_off_at is not None,
            self.agency.unheard(delivery.operation, delivery.key, delivery.heard_at),
        )
        if not await self.book.park(row, self._said(delivery, failed), cut_off=cut_off, unheard=unheard):
            return False
        self.keys.add(delivery.record.key)
        logs.get().info("delivery_parked", state=row.state, failure=row.failure, case_id=delivery.case)
        return True

    async def bury(self, row: Parked, reason: str) -> None:
        """Store that a head which cannot be read is dead, and say so. Raises `Overtaken` if it stands so no more."""
        command, fate = unread(row.record), fate_unread(row, "dead", "unreadable", reason)
        said = self.voice.dead(command, row.record.key, fate) if command else ()
        if not await self.book.bury(row, replace(row, state="dead", failure="unreadable", reason=reason), said):
            raise Overtaken
        logs.get().error("delivery_unreadable", reason=reason, case_id=row.case)

    async def let_go(self, row: Parked) -> None:
        """Forget one that was answered, now that it has been said."""
        if not await self.book.remove(row):
            self.keys.discard(row.record.key)

    def _said(self, delivery: Delivery, failed: Failed) -> list[Outgoing]:
        command, key = delivery.command, delivery.record.key
        fate = Fate(
            "dead" if failed.final else "parked",
            delivery.attempts,
            None if failed.final else failed.not_before,
            delivery.deadline,
            failed.failure,
            failed.reason,
            delivery.decided,
        )
        return self.voice.dead(command, key, fate) if failed.final else [self.voice.changed(command, key, fate)]

    def _row(self, delivery: Delivery) -> Parked:
        return Parked(
            self.book.consumer,
            delivery.record,
            case=delivery.case,
            command=delivery.name,
            since=delivery.since,
            deadline=delivery.deadline,
            revision=delivery.revision,
            decided=delivery.decided,
            history=delivery.history,
        )
