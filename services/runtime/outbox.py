"""Stored first, sent after: the way out for everything that has no Kafka offset behind it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from contracts.contract import Contract
from contracts.envelope import Message

from .packing import pack_headers, unpack_headers
from .producer import Producer
from .record import Outgoing, outgoing
from .store import Store, later, tell
from .tables import outbox

_AT_ONCE: Final = 500
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

    After a crash it begins with what an earlier process left.
    """

    store: Store
    producer: Producer
    _waiting: deque[Outgoing] = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def load(self) -> None:
        """Take over what is stored; must be done before new acts are taken in."""
        self._waiting.extend(await self.store.read(_stored))
        self._wake.set()

    def told(self, facts: Iterable[Any]) -> None:
        """Hear of what became durable."""
        new = [fact for fact in facts if isinstance(fact, Outgoing)]
        if new:
            self._waiting.extend(new)
            self._idle.clear()
            self._wake.set()

    async def run(self) -> None:
        """Send for as long as the service lives."""
        while True:
            if not self._waiting:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            batch = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            await self.producer.send_all(batch)
            await self.store.run(_forget([message.id for message in batch]))

    async def drained(self) -> None:
        """Wait until there is nothing to send."""
        await self._idle.wait()

    @property
    def unsent(self) -> int:
        """How many messages wait."""
        return len(self._waiting)


def _stored(connection: Connection) -> list[Outgoing]:
    rows = connection.execute(select(outbox).order_by(outbox.c.seq))
    return [Outgoing(row.id, row.topic, row.key, unpack_headers(row.headers), row.value) for row in rows]


def _forget(ids: list[str]) -> Any:
    def act(connection: Connection) -> None:
        connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))

    return act
