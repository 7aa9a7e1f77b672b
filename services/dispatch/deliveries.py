"""The deliveries of one organisation: in order for each vehicle, held while it is down, parked when one fails.

What happens to a command, in this order: its outcome is stored (with the ids of what is to be said), then said,
then its Kafka offset, or its parked row, is let go. A crash between any two steps says the same again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts.envelope import Undecodable
from services.runtime.breaker import Breaker, State
from services.runtime.poison import set_aside
from services.runtime.producer import Producer
from services.runtime.record import Place, Record

from .attempts import Attempts
from .book import Book
from .delivery import Failed, of
from .heads import Heads
from .parked import ParkedDeliveries
from .unread import unread
from .voice import Fate


@dataclass(slots=True)
class Deliveries:
    """The `Work` of one organisation's lanes."""

    attempts: Attempts
    producer: Producer
    parked: ParkedDeliveries = field(init=False)
    heads: Heads = field(init=False)

    def __post_init__(self) -> None:
        self.parked = ParkedDeliveries(self.attempts.agency, self.book, self.attempts.voice)
        self.heads = Heads(self.attempts, self.parked, self.producer)

    @property
    def book(self) -> Book:
        """What is kept of them."""
        return self.attempts.book

    @property
    def breaker(self) -> Breaker:
        """Whether the organisation may be called."""
        return self.attempts.gate.breaker

    async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        """Take the fence, then learn which keys wait parked."""
        mine = await self.book.fence.take(partitions, generation)
        self.attempts.taking(mine)
        await self.parked.learn(frozenset(self.attempts.mine))
        self.heads.look()
        return mine

    async def recall(self, records: Sequence[Record]) -> Mapping[str, Any]:
        """What was decided before about a batch of commands."""
        return await self.book.decided([record.id for record in records])

    async def handle(self, record: Record, known: Any | None) -> None:
        """Deliver a command, or park it, or say again what was decided."""
        if known is None and not self.book.forgiving:
            # The same command may stand in the topic twice; its first copy may have been settled since the look-up.
            known = (await self.recall([record])).get(record.id)
        if known is not None:
            await self.producer.send_all(known)
            return
        try:
            delivery = of(record, self.attempts.agency)
        except Undecodable as wrong:
            await self._give_up(record, wrong.reason)
            return
        if await self.parked.put_behind(delivery):
            return
        while isinstance(outcome := await self.attempts.outcome(delivery), Failed):
            if await self.parked.put(delivery, outcome):
                return
        await self.producer.send_all(await self.book.settle(record, outcome.outputs))

    async def _give_up(self, record: Record, reason: str) -> None:
        """Set aside what cannot be read, and tell its case that nobody delivers it.

        Nothing of it is stored: put on the topic again for a dispatch that can read it, it is delivered.
        """
        await set_aside(self.producer, record, reason)
        if (command := unread(record)) is not None:
            fate = Fate("dead", failure="unreadable", reason=reason)
            await self.producer.send_all(self.attempts.voice.dead(command, record.key, fate))

    def leaving(self, partitions: Collection[Place]) -> None:
        """Let those go who wait for the organisation to come back."""
        self.attempts.leaving(partitions)

    async def revoked(self, partitions: Collection[Place]) -> None:
        """Stop trying the parked ones."""
        await self.heads.stop()
        self.book.fence.drop(partitions)

    def waits(self) -> bool:
        """Where an organisation or the store is down, or it is others' turn, a new process would wait as well."""
        at_once = self.attempts.gate.allowed if self.breaker.state is State.CLOSED else 0
        return not at_once or not self.book.store.available
