"""What one consumer holds in memory: a lane a key, whose first record is the only one that may be worked on."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from .offsets import Watermark
from .record import Record


@dataclass(slots=True)
class Tenure:
    """The time for which a partition is ours, and how far it has come in it. Nothing starts once it is not live."""

    watermark: Watermark = field(default_factory=Watermark)
    live: bool = True
    running: int = 0
    paused: bool = False
    sent: int | None = None
    """The offset that Kafka has last acknowledged."""
    fenced_at: float | None = None
    _at_rest: asyncio.Event = field(default_factory=asyncio.Event)

    def rest(self) -> None:
        """One record less is being worked on."""
        self.running -= 1
        if not self.running:
            self._at_rest.set()

    async def drained(self) -> None:
        """Wait until nothing of it is being worked on."""
        while self.running:
            self._at_rest.clear()
            await self._at_rest.wait()


@dataclass(slots=True)
class Entry:
    """A record in its lane, bound to the tenure under which it was fetched."""

    tenure: Tenure
    record: Record
    known: Any | None
    taken: int = 0
    """The number of its batch: what has a smaller one came earlier."""
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = self.record.size

    @property
    def lane(self) -> str:
        """Its key. Without one there is no order to keep: a lane of its own."""
        return self.record.key or self.record.id


@dataclass(slots=True)
class Window:
    """All records fetched and not finished, within a limit of records and of bytes."""

    most_records: int
    most_bytes: int
    records: int = 0
    bytes: int = 0
    # Lists: nearly every lane holds one record, and a deque begins with room for sixty-four.
    _lanes: dict[str, list[Entry]] = field(default_factory=dict)
    _runnable: deque[list[Entry]] = field(default_factory=deque)
    _brimmed_at: float | None = None
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def full(self) -> bool:
        """Whether to fetch no more."""
        return self.records >= self.most_records or self.bytes >= self.most_bytes

    @property
    def roomy(self) -> bool:
        """Whether so much is gone that fetching again is worth it."""
        return self.records <= self.most_records // 2 and self.bytes <= self.most_bytes // 2

    def brims(self, now: float) -> float | None:
        """For how long it has been full without becoming roomy; None while there is room to fetch."""
        if self.full and self._brimmed_at is None:
            self._brimmed_at = now
            self._room.clear()
        elif self.roomy:
            self._brimmed_at = None
        return None if self._brimmed_at is None else now - self._brimmed_at

    async def room(self) -> None:
        """Wait until a window that brims is roomy again."""
        await self._room.wait()

    @property
    def runnable(self) -> int:
        """How many lanes have a record that nobody works on yet."""
        return len(self._runnable)

    def add(self, entry: Entry) -> None:
        """Put a record behind those of its key."""
        self.records += 1
        self.bytes += entry.size
        key = entry.lane
        lane = self._lanes.setdefault(key, [])
        lane.append(entry)
        if len(lane) == 1:
            self._runnable.append(lane)

    def next(self) -> Entry | None:
        """A record that may be worked on, if there is one; nothing else of its key comes before it is `done`."""
        return self._runnable.popleft()[0] if self._runnable else None

    def done(self, entry: Entry) -> None:
        """Let go of a record that `next` gave, whatever became of it."""
        self.records -= 1
        self.bytes -= entry.size
        key = entry.lane
        lane = self._lanes[key]
        del lane[0]
        if lane:
            self._runnable.append(lane)
        else:
            del self._lanes[key]
        if self._brimmed_at is not None and self.roomy:
            self._room.set()

    def waiting(self) -> list[Record]:
        """What is still ours to finish, oldest first as far as partitions can be compared."""
        ours = [entry for entry in chain.from_iterable(self._lanes.values()) if entry.tenure.live]
        ours.sort(key=lambda entry: (entry.taken, entry.record.offset))
        return [entry.record for entry in ours]
