"""How much the topics hold, and of how many cases: counted from the raw records, of which nothing else is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b

from aiokafka import ConsumerRecord

from contracts.topics import Topic

from .reading import held
from .settings import Settings


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
    """Each of these topics by name, as far as it reaches at this moment."""
    found = {topic.name: Held() for topic in topics}
    async for record in held(settings, topics):
        found[record.topic].add(record)
    return found


def _whose(record: ConsumerRecord[bytes, bytes]) -> bytes:
    told = dict(record.headers)
    named = told.get("ce_subject") or b"\0".join(told.get(name) or b"" for name in ("ce_source", "ce_id"))
    # What is none of our messages is somebody of its own.
    return named.strip(b"\0") or b"%d/%d" % (record.partition, record.offset)
