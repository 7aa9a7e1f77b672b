"""How much the topics hold, and of how many cases: counted from the raw records, of which nothing else is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from contracts.topics import Topic

from .dump import Ends, ends_of, reader
from .settings import Settings

_POLL_MS: Final = 500


@dataclass(slots=True)
class Held:
    """What one topic holds at a moment. Memory: some seventy bytes a case."""

    records: int = 0
    oldest: datetime | None = None
    _cases: set[bytes] = field(default_factory=set)

    @property
    def cases(self) -> int:
        """Distinct cases; what names none, as a publisher's message does, counts by the id that its source gave it."""
        return len(self._cases)

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Count one record."""
        written = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        self.records += 1
        self.oldest = min(self.oldest or written, written)
        self._cases.add(blake2b(_whose(record), digest_size=8).digest())


async def count(settings: Settings, topics: Sequence[Topic]) -> Mapping[str, Held]:
    """Those of these topics that are there, by name, as far as each reaches at this moment."""
    ends = await ends_of(settings, topics)
    found = {place.topic: Held() for place in ends}
    left = {place for place, (begin, end) in ends.items() if end > begin}
    if left:
        async with reader(settings) as consumer:
            consumer.assign(list(left))
            for place in left:
                consumer.seek(place, ends[place][0])
            await _drain(consumer, left, ends, found)
    return found


async def _drain(consumer: AIOKafkaConsumer, left: set[TopicPartition], ends: Ends, found: Mapping[str, Held]) -> None:
    while left:
        for place, records in (await consumer.getmany(*left, timeout_ms=_POLL_MS)).items():
            for record in records:
                if record.offset < ends[place][1]:
                    found[place.topic].add(record)
            if await consumer.position(place) >= ends[place][1]:
                left.discard(place)


def _whose(record: ConsumerRecord[bytes, bytes]) -> bytes:
    told = dict(record.headers)
    named = told.get("ce_subject") or b"\0".join(told.get(name) or b"" for name in ("ce_source", "ce_id"))
    # What is none of our messages is somebody of its own.
    return named.strip(b"\0") or b"%d/%d" % (record.partition, record.offset)
