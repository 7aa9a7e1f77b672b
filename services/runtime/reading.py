"""Reading what topics hold at this moment, in no group and without a trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from contracts.topics import Topic

from .consumer import KafkaTrouble, record_of
from .dump import Ends, ends_of, reader
from .record import Place, Record
from .settings import Settings

_POLL_MS: Final = 500
_AGAIN_MS: Final = 5_000


async def spans(settings: Settings, topics: Sequence[Topic]) -> dict[Place, tuple[int, int]]:
    """Of each partition the offset of its first record now, and of the one after its last. Raises `KafkaTrouble`."""
    try:
        return {Place(*place): ends for place, ends in (await ends_of(settings, topics)).items()}
    except KafkaError as trouble:
        raise KafkaTrouble(type(trouble).__name__) from trouble


async def held(settings: Settings, topics: Sequence[Topic]) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
    """Every record of those of these topics that are there, from their beginning; each partition's in its order."""
    async with reader(settings) as consumer:
        async for record in _between(consumer, await ends_of(settings, topics)):
            yield record


async def since(settings: Settings, topics: Sequence[Topic], moment: datetime) -> AsyncIterator[Record]:
    """The same, of those that came at that moment or later."""
    ends = await ends_of(settings, topics)
    if not ends:
        return
    async with reader(settings) as consumer:
        consumer.assign(list(ends))
        found = await consumer.offsets_for_times({place: int(moment.timestamp() * 1000) for place in ends})
        begins = {place: found[place].offset if found.get(place) else end for place, (_, end) in ends.items()}
        async for record in _between(consumer, {place: (begins[place], end) for place, (_, end) in ends.items()}):
            yield record_of(record)


async def _between(consumer: AIOKafkaConsumer, ends: Ends) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
    left = {place for place, (begin, end) in ends.items() if end > begin}
    if not left:
        return
    consumer.assign(list(left))
    for place in left:
        consumer.seek(place, ends[place][0])
    while left:
        for place, records in (await consumer.getmany(*left, timeout_ms=_POLL_MS)).items():
            for record in records:
                if record.offset < ends[place][1]:
                    yield record
            if await consumer.position(place) >= ends[place][1]:
                left.discard(place)


@dataclass(slots=True)
class Shelf:
    """Single records, taken down again by where they stand. One at a time; its connection stays until `close`."""

    settings: Settings
    _consumer: AIOKafkaConsumer | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def again(self, topic: str, partition: int, offset: int) -> Record | None:
        """The record that stands there; None where Kafka keeps it no more. Raises `KafkaTrouble`."""
        place = TopicPartition(topic, partition)
        async with self._lock:
            try:
                consumer = await self._opened()
                consumer.assign([place])
                consumer.seek(place, offset)
                found = await consumer.getmany(place, timeout_ms=_AGAIN_MS, max_records=1)
            except OffsetOutOfRangeError:
                return None
            except KafkaError as trouble:
                await self.close()
                raise KafkaTrouble(type(trouble).__name__) from trouble
        records = found.get(place)
        if not records:
            raise KafkaTrouble("nothing came")
        return record_of(records[0]) if records[0].offset == offset else None

    async def close(self) -> None:
        """Hang up; the next record is asked for over a new connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(KafkaError):
                await consumer.stop()

    async def _opened(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            # By itself it would go on with what comes next where a record is gone, and nobody would know.
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.settings.kafka, enable_auto_commit=False, auto_offset_reset="none"
            )
            try:
                await consumer.start()
            except KafkaError:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer
