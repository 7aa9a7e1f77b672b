"""What organisations brought to our door as the answer to a command, until somebody fetches it: once for each key.

It is shared by all processes: the one whose door it came to need not be the one that waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, NamedTuple

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.sql import ColumnElement

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


class Answer(NamedTuple):
    """What came: a digest of what it says, the bytes that were sealed, and whether it is a yes or a no at all."""

    content: str
    raw: bytes
    decides: bool


class Kept(NamedTuple):
    """What is known of an answer for people: when it came, and how many came later that said something else."""

    at: float
    others: int


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The answers of all organisations that call back."""

    store: Store
    clock: Clock

    async def find(self, organisation: str, key: str) -> bytes | None:
        """The answer to the command that was sent under a key, as it was opened; None while there is none."""
        return await waited_out(lambda: self.store.read(lambda connection: _found(connection, organisation, key)))

    async def put(self, organisation: str, key: str, answer: Answer, stands: Callable[[bytes], bool]) -> Came:
        """Keep an answer; durable on return. Whoever waits for it, parked or given up, is tried at once.

        Where another answer is there already, that one stands, if it decides (`stands` tells of one that was kept).
        """
        return await self.store.run(lambda connection: self._put(connection, organisation, key, answer, stands))

    async def forget(self, organisation: str, key: str) -> None:
        """What came under a key has been heard and decided nothing: another answer may come."""
        mine = delete(callbacks).where(_same(organisation, key))
        await waited_out(lambda: self.store.run(lambda connection: connection.execute(mine)))

    def _put(
        self, connection: Connection, organisation: str, key: str, answer: Answer, stands: Callable[[bytes], bool]
    ) -> Came:
        now, same = self.clock.now().timestamp(), _same(organisation, key)
        told = {"content": answer.content, "raw": answer.raw, "at": now, "others": 0}
        if not insert_once(connection, callbacks, {"organisation": organisation, "key": key, **told}):
            kept = connection.execute(select(callbacks.c.content, callbacks.c.raw).where(same)).one()
            if kept.content == answer.content or not answer.decides:
                return "again"
            if stands(kept.raw):
                connection.execute(update(callbacks).where(same).values(others=callbacks.c.others + 1))
                return "another"
            connection.execute(update(callbacks).where(same).values(told))
        until = now + _STANDS_FOR.total_seconds()
        parking.wake(connection, consumer_of(organisation), *_delivery(key), now, until)
        return "new"


def prune(connection: Connection, before: float) -> int:
    """Forget answers that came before a moment; how many."""
    return connection.execute(delete(callbacks).where(callbacks.c.at < before)).rowcount


def _found(connection: Connection, organisation: str, key: str) -> bytes | None:
    raw: bytes | None = connection.execute(select(callbacks.c.raw).where(_same(organisation, key))).scalar()
    return raw


def _same(organisation: str, key: str) -> ColumnElement[bool]:
    return (callbacks.c.organisation == organisation) & (callbacks.c.key == key)


def key_of(id_: str, revision: int) -> str:
    """The idempotency key that an organisation sees: the same for every try of one revision of a delivery."""
    return id_ if revision == 1 else f"{id_}.r{revision}"


def kept(connection: Connection, organisation: str, key: str) -> Kept | None:
    """What is known of the answer under a key; None if none was called back."""
    row = connection.execute(select(callbacks.c.at, callbacks.c.others).where(_same(organisation, key))).first()
    return None if row is None else Kept(row.at, row.others)


def _delivery(key: str) -> tuple[str, int]:
    """Whose key it is: the delivery's id, and its revision."""
    id_, _, revision = key.partition(".r")
    return id_, int(revision) if revision.isdecimal() else 1
