"""Stored first, sent after: the way out for everything that has no Kafka offset behind it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from contracts.contract import Contract
from contracts.envelope import Message
from observability import logs

from .packing import pack_headers, unpack_headers
from .producer import Producer
from .record import Outgoing, outgoing
from .store import Doubt, Op, Store, StoreUnavailable, later, tell, waited_out
from .tables import outbox

_AT_ONCE: Final = 500
MOST_IN_MEMORY: Final = 5_000
"""Past this the rest stays in the store alone: a broker that is away for a day must not fill our memory."""
MOMENT_S: Final = 2.0
"""What is still the oldest in the store after that, though we have sent, has nobody else who would send it."""
_INSERT: Final = insert(outbox)


def add(connection: Connection, topic: str, key: str, message: Message[Contract]) -> None:
    """Have a message sent once the transaction is durable: at least once, in the order of the calls, ids fixed."""
    add_outgoing(connection, outgoing(topic, key, message))


def add_outgoing(connection: Connection, message: Outgoing) -> None:
    """As `add`, for one that is already encoded."""
    row = {
        "id": message.id,
        "topic": message.topic,
        "key": message.key,
        "headers": pack_headers(message.headers),
        "value": message.value,
    }
    later(connection, _INSERT, row)
    tell(connection, message)


@dataclass(slots=True)
class Relay:
    """Sends what the outbox holds, oldest first, and forgets what is acknowledged.

    It hears of new messages when they are durable and keeps some in memory. Where it may have missed any (what an
    earlier process left, more than it keeps, a commit of which nobody knows) it first sends what it has, then reads
    on in the store, and only then listens again: so the order is always the store's.

    Other processes of its service may store beside it, and end before they have sent. What is left behind becomes the
    oldest in the store and stays that; so one row now and then tells whether there is any, however much is stored.
    """

    store: Store
    producer: Producer
    most: int = MOST_IN_MEMORY
    moment_s: float = MOMENT_S
    sent: int = 0
    _waiting: deque[Outgoing] = field(default_factory=deque)
    _unread: bool = False
    _missed: bool = False
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _oldest: str | None = None
    """The id of what was the oldest in the store when we last looked, which was before `_look_at`."""
    _look_at: float = 0.0

    async def load(self) -> None:
        """Take over what is stored; must be done before new acts are taken in."""
        self._unread = True
        await self._read_on()
        self._wake.set()

    def told(self, facts: Iterable[Any]) -> None:
        """Hear of what became durable."""
        heard = list(facts)
        new = [fact for fact in heard if isinstance(fact, Outgoing)]
        doubted = any(isinstance(fact, Doubt) for fact in heard)
        if not new and not doubted:
            return
        self._idle.clear()
        self._wake.set()
        if self._unread or doubted or len(self._waiting) + len(new) > self.most:
            self._unread = self._missed = True
        else:
            self._waiting.extend(new)

    async def run(self) -> None:
        """Send for as long as the service lives."""
        while True:
            batch = await self._next()
            await self.producer.send_all(batch)
            await self._forgotten([message.id for message in batch])
            self.sent += len(batch)

    async def _forgotten(self, ids: list[str]) -> None:
        # Were it to give up here, everything would be sent again, and nothing new while the store is away.
        await waited_out(lambda: self.store.run(_forget(ids)))

    async def _next(self) -> list[Outgoing]:
        await self._look()
        while not self._waiting:
            if self._unread:
                await self._read_on()
            else:
                await self._rest()
                await self._look()
        return [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]

    async def _rest(self) -> None:
        self._idle.set()
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.moment_s):
                await self._wake.wait()

    async def _look(self) -> None:
        """Once a moment, between two batches, see whether anything was left behind; then all is read anew, in order."""
        now = asyncio.get_running_loop().time()
        if self._unread or now < self._look_at:
            return
        self._look_at = now + self.moment_s
        try:
            before, self._oldest = self._oldest, await self.store.read(_oldest)
        except StoreUnavailable as away:
            # What we have ourselves can be sent all the same.
            logs.get().warning("outbox_unreadable", error=str(away))
            return
        if self._oldest is None or self._oldest != before:
            return  # one of our own would have gone with the batch between two looks
        logs.get().info("outbox_taken_over", oldest=self._oldest)
        self._idle.clear()
        # All that waits here is also stored, some of it perhaps behind what was left of the same vehicle.
        self._waiting.clear()
        self._unread = True

    async def _read_on(self) -> None:
        self._missed = False
        found = await waited_out(lambda: self.store.read(_stored(self.most)))
        self._waiting.extend(found)
        self._unread = self._missed or len(found) == self.most

    async def drained(self) -> None:
        """Wait until there is nothing to send."""
        await self._idle.wait()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to send."""
        return self._idle.is_set()

    @property
    def unsent(self) -> int:
        """How many messages wait in memory; there may be more in the store."""
        return len(self._waiting)


def _stored(most: int) -> Op[list[Outgoing]]:
    def act(connection: Connection) -> list[Outgoing]:
        rows = connection.execute(select(outbox).order_by(outbox.c.seq).limit(most))
        return [Outgoing(row.id, row.topic, row.key, unpack_headers(row.headers), row.value) for row in rows]

    return act


def _oldest(connection: Connection) -> str | None:
    return connection.execute(select(outbox.c.id).order_by(outbox.c.seq).limit(1)).scalar()


def _forget(ids: list[str]) -> Op[None]:
    def act(connection: Connection) -> None:
        connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))

    return act
