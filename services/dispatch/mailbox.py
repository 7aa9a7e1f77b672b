"""What organisations brought to our door as the answer to a command, until somebody fetches it: once for each key.

It is shared by all processes: the one whose door it came to need not be the one that waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from sqlalchemy import Connection, delete, select, update

from services.runtime import parking
from services.runtime.clock import Clock
from services.runtime.sql import insert_once
from services.runtime.store import Store, waited_out

from .consumers import consumer_of
from .tables import callbacks

KEPT: Final = timedelta(days=90)
"""So long it is known that an answer came: the same again is no news, and another one is refused."""
_STANDS_FOR: Final = timedelta(hours=1)
"""A delivery whose time is over gets this much more when its answer comes after all."""

Came = Literal["new", "again", "another"]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The answers of all organisations that call back."""

    store: Store
    clock: Clock

    async def find(self, organisation: str, key: str) -> bytes | None:
        """The answer to the command that was sent under a key, as it was opened; None while there is none."""
        return await waited_out(lambda: self.store.read(lambda connection: _found(connection, organisation, key)))

    async def put(self, organisation: str, key: str, content: str, raw: bytes) -> Came:
        """Keep an answer; durable on return. Whoever waits for it, parked or given up, is tried at once.

        `content` is a digest of what it says. Where another answer is there already, that one stands.
        """
        return await self.store.run(lambda connection: self._put(connection, organisation, key, content, raw))

    def _put(self, connection: Connection, organisation: str, key: str, content: str, raw: bytes) -> Came:
        now = self.clock.now().timestamp()
        row = {"organisation": organisation, "key": key, "content": content, "raw": raw, "at": now, "others": 0}
        if insert_once(connection, callbacks, row):
            until = now + _STANDS_FOR.total_seconds()
            parking.wake(connection, consumer_of(organisation), *_delivery(key), now, until)
            return "new"
        same = (callbacks.c.organisation == organisation) & (callbacks.c.key == key)
        if connection.execute(select(callbacks.c.content).where(same)).scalar_one() == content:
            return "again"
        connection.execute(update(callbacks).where(same).values(others=callbacks.c.others + 1))
        return "another"


def prune(connection: Connection, before: float) -> int:
    """Forget answers that came before a moment; how many."""
    return connection.execute(delete(callbacks).where(callbacks.c.at < before)).rowcount


def _found(connection: Connection, organisation: str, key: str) -> bytes | None:
    same = (callbacks.c.organisation == organisation) & (callbacks.c.key == key)
    raw: bytes | None = connection.execute(select(callbacks.c.raw).where(same)).scalar()
    return raw


def _delivery(key: str) -> tuple[str, int]:
    """Whose key it is: the delivery's id, and its revision; see `Delivery.key`."""
    id_, _, revision = key.partition(".r")
    return id_, int(revision) if revision.isdecimal() else 1
