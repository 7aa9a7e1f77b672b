"""Server-sent events: what changes, as it changes, from where a follower left off.

A follower reads the table of changes at its own pace, so a slow one costs a connection and no memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from observability import metrics
from services.console.tables import changes
from services.runtime.store import Store

LOOK_EVERY_SECONDS: Final = 0.25
HEARTBEAT_SECONDS: Final = 15.0
MOST_FOLLOWERS: Final = 64
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Change:
    """One change, with its place."""

    seq: int
    kind: str
    told: str

    def event(self) -> str:
        """As an event of the stream; `told` is JSON on one line."""
        return f"id: {self.seq}\nevent: {self.kind}\ndata: {self.told}\n\n"


class TooManyFollowers(RuntimeError):
    """No further stream is opened."""


class Feed:
    """Tells every follower when there is more to read."""

    def __init__(self, store: Store, look_every: float = LOOK_EVERY_SECONDS) -> None:
        self._store = store
        self._look_every = look_every
        self._newest = 0
        self._more = asyncio.Condition()
        self.followers = 0

    async def run(self) -> None:
        """Look for changes for as long as the service lives."""
        while True:
            newest = await self._store.read(_newest)
            if newest != self._newest:
                async with self._more:
                    self._newest = newest
                    self._more.notify_all()
            await asyncio.sleep(self._look_every)

    async def follow(self, after: int | None = None, case_id: str | None = None) -> AsyncIterator[str]:
        """Open a stream: everything after `after`, or what comes from now on. Raises `TooManyFollowers`."""
        if self.followers >= MOST_FOLLOWERS:
            raise TooManyFollowers
        newest = await self._store.read(_newest)
        # A place that lies ahead is one of an earlier data folder.
        start = newest if after is None else min(after, newest)
        return self._stream(start, case_id)

    async def _stream(self, place: int, case_id: str | None) -> AsyncIterator[str]:
        self._count(1)
        try:
            yield "retry: 2000\n\n"
            while True:
                # Taken before reading: what comes in between ends the wait at once.
                seen = self._newest
                found = await self._store.read(partial(_after, place=place, case_id=case_id))
                for change in found:
                    yield change.event()
                    place = change.seq
                if len(found) < _AT_ONCE and not await self._changed_since(seen):
                    yield ": still here\n\n"
        finally:
            self._count(-1)

    async def _changed_since(self, seen: int) -> bool:
        """Wait until there is more; False where nothing came for a while."""
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS), self._more:
                await self._more.wait_for(lambda: self._newest != seen)
        except TimeoutError:
            return False
        return True

    def _count(self, by: int) -> None:
        self.followers += by
        metrics.gauge("tongche_http_streams", self.followers)


def _newest(connection: Connection) -> int:
    return connection.scalar(select(func.max(changes.c.seq))) or 0


def _after(connection: Connection, place: int, case_id: str | None) -> list[Change]:
    query = select(changes.c.seq, changes.c.kind, changes.c.told).where(changes.c.seq > place)
    if case_id is not None:
        query = query.where(changes.c.case_id == case_id)
    rows = connection.execute(query.order_by(changes.c.seq).limit(_AT_ONCE))
    return [Change(row.seq, row.kind, row.told) for row in rows]
