"""Reads topics from now on and remembers when what was written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.topics import Topic

_PATIENCE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One record: when its writer wrote it, and when it was read, in seconds since 1970."""

    topic: str
    key: str
    at: float
    read: float
    value: bytes


@dataclass(slots=True)
class Follower:
    """What was seen so far. Whoever has read enough may clear it."""

    seen: list[Seen] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, fact: Callable[[], bool], seconds: float = _PATIENCE_S) -> None:
        """Wait for something that the next records will show. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            while not fact():
                self._news.clear()
                await self._news.wait()

    async def follow(self, consumer: AIOKafkaConsumer) -> None:
        """Read for as long as nobody cancels it."""
        while True:
            for found in (await consumer.getmany(timeout_ms=100)).values():
                now = time.time()
                self.seen += [
                    Seen(one.topic, (one.key or b"").decode(), one.timestamp / 1000, now, one.value or b"")
                    for one in found
                ]
                self._news.set()


@asynccontextmanager
async def following(kafka: str, topics: Sequence[Topic]) -> AsyncIterator[Follower]:
    """Follow topics from their present end, for as long as this lasts."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, retry_backoff_ms=100)
    await consumer.start()
    try:
        places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
        consumer.assign(places)
        for place, end in (await consumer.end_offsets(places)).items():
            consumer.seek(place, end)
        follower = Follower()
        task = asyncio.create_task(follower.follow(consumer))
        try:
            yield follower
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    finally:
        await consumer.stop()
