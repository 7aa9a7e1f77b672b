"""How much the topics hold, and of how many cases: counted from the raw records, of which nothing else is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from aiokafka import ConsumerRecord

from contracts.fields import PERSONAL, field_names, grade_of
from contracts.registry import UnknownType, resolve
from contracts.topics import Topic

from .reading import held
from .settings import Settings


@dataclass(slots=True)
class Held:
    """What one topic holds at a moment. Memory: some eighty bytes a case."""

    records: int = 0
    oldest: datetime | None = None
    _cases: dict[bytes, bool] = field(default_factory=dict)
    """Each with whether any message of it may be about a person."""

    @property
    def cases(self) -> int:
        """Distinct cases; what names none, as a publisher's message does, counts by the id that its source gave it."""
        return len(self._cases)

    @property
    def persons(self) -> int:
        """Cases of which at least one message is of a contract with personal fields; what nobody can read may be."""
        return sum(self._cases.values())

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Count one record. A notice, as that a subscription has ended, is a record, and no case."""
        written = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        self.records += 1
        self.oldest = min(self.oldest or written, written)
        told = dict(record.headers)
        about = _about((told.get("ce_type") or b"").decode(errors="replace"))
        if about is not None:
            case = blake2b(_whose(record, told), digest_size=8).digest()
            self._cases[case] = about or self._cases.get(case, False)


async def count(settings: Settings, topics: Sequence[Topic]) -> Mapping[str, Held]:
    """Each of these topics by name, as far as it reaches at this moment."""
    found = {topic.name: Held() for topic in topics}
    async for record in held(settings, topics):
        found[record.topic].add(record)
    return found


@lru_cache(maxsize=1024)
def _about(type_: str) -> bool | None:
    """Whether messages of a type may be about a person; None where they are not even about a car or a case."""
    try:
        versions, _ = resolve(type_)
    except UnknownType:
        return True
    if all(grade_of(model) == _OF_NOBODY for model in versions.models):
        return None
    return any(field_names(model) & PERSONAL for model in versions.models)


_OF_NOBODY: Final = "G1"
"""The class of what is public, or about no car and no person."""


def _whose(record: ConsumerRecord[bytes, bytes], told: Mapping[str, bytes]) -> bytes:
    named = told.get("ce_subject") or b"\0".join(told.get(name) or b"" for name in ("ce_source", "ce_id"))
    # What is none of our messages is somebody of its own.
    return named.strip(b"\0") or b"%d/%d" % (record.partition, record.offset)
