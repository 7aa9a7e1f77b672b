"""What the runtime's tests share: a started store, a post that only collects, and records as they would come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Record
from services.runtime.store import Store


@dataclass(slots=True)
class Post(Producer):
    """A producer that keeps what it is given; while it is shut, sending waits, as for a broker that is away."""

    bootstrap: str = ""
    client_id: str = "test"
    sent: list[Outgoing] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        await self.open.wait()
        self.sent.extend(messages)

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.sent]


@dataclass(slots=True)
class Outage:
    """A database that refuses the next commits, as a full disk would; `lost`: it did them, and nobody heard."""

    left: int = 0
    refused: int = 0
    lost: bool = False

    def strike(self, connection: Connection) -> None:
        """Called instead of every commit."""
        if self.left <= 0:
            return
        self.left -= 1
        self.refused += 1
        if self.lost:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("commit")
        raise OperationalError("commit", {}, RuntimeError("disk is full"))


@asynccontextmanager
async def started(store: Store, outage: Outage | None = None) -> AsyncIterator[Store]:
    """A store at work; with an outage, its commits fail as long as that lasts."""
    if outage is not None:
        event.listen(store.writer, "commit", outage.strike)
    store.start()
    try:
        yield store
    finally:
        await store.stop()


def outgoing(id_: str, key: str = "key", topic: str = "topic") -> Outgoing:
    """A message ready to be sent."""
    return Outgoing(id_, topic, key, (("ce_id", id_.encode()),), b"{}")


def record(offset: int, id_: str | None = None, key: str = "key", partition: int = 0, topic: str = "topic") -> Record:
    """A record as it would come from Kafka."""
    headers = () if id_ is None else (("ce_id", id_.encode()),)
    return Record(topic, partition, offset, key, headers, b"{}")
