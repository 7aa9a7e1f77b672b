"""What organisations brought to our door as the answer to a command, until somebody fetches it: once for each key.

It is shared by all processes: the one whose door it came to need not be the one that waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, Select, Table, delete, func, select, update
from sqlalchemy.sql import ColumnElement

from services.runtime import parking
from services.runtime.clock import Clock
from services.runtime.sql import insert_once, one_at_a_time
from services.runtime.store import Store, waited_out

from .consumers import consumer_of
from .tables import callbacks, rivals

KEPT: Final = timedelta(days=90)
"""So long it is known that an answer came: the same again is no news, and another one is refused."""
_STANDS_FOR: Final = timedelta(hours=1)
"""A delivery whose time is over gets this much more when its answer comes after all."""

Came = Literal["new", "again", "another"]


class Brought(NamedTuple):
    """An answer that is here: the bytes that were sealed, and since when (seconds since 1970), by which it is known."""

    raw: bytes
    at: float


class Answer(NamedTuple):
    """What came: a digest of what it says, the bytes that were sealed, and whether it is a yes or a no at all."""

    content: str
    raw: bytes
    decides: bool


class Kept(NamedTuple):
    """What is known of an answer for people: nothing that it says.

    `others` came later, the last at `other_at`, and said something else: the first holds. `cleared`: so many of them a
    person has cleared up with the organisation.
    """

    organisation: str
    key: str
    at: float
    others: int
    other_at: float | None
    cleared: int

    @property
    def delivery(self) -> str:
        """The id of the delivery that it answers."""
        return _delivery(self.key)[0]

    @property
    def revision(self) -> int:
        """Which edition of that it answers."""
        return _delivery(self.key)[1]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The answers of all organisations that call back."""

    store: Store
    clock: Clock

    async def find(self, organisation: str, key: str) -> Brought | None:
        """The answer to the command that was sent under a key, as it was opened; None while there is none."""
        return await waited_out(lambda: self.store.read(lambda connection: _found(connection, organisation, key)))

    async def here(self, organisation: str, keys: Collection[str]) -> set[str]:
        """Under which of these keys there is one."""
        mine = (callbacks.c.organisation == organisation) & callbacks.c.key.in_(keys)
        query = select(callbacks.c.key).where(mine)
        return await waited_out(lambda: self.store.read(lambda connection: set(connection.execute(query).scalars())))

    async def put(self, organisation: str, key: str, answer: Answer, stands: Callable[[bytes], bool]) -> Came:
        """Keep an answer; durable on return. Whoever waits for it, parked or given up, is tried at once.

        Where another answer is there already, that one stands, if it decides (`stands` tells of one that was kept):
        until it is heard and turns out to be none after all. Then the first that contradicted it takes its place.
        """
        return await self.store.run(lambda connection: self._put(connection, organisation, key, answer, stands))

    async def give_way(self, organisation: str, key: str, brought: Brought) -> bool:
        """What came under a key has been heard and is none: what came in its place or against it is the answer.

        False where nothing did: then it stays.
        """
        return await waited_out(
            lambda: self.store.run(lambda connection: _give_way(connection, organisation, key, brought))
        )

    async def forget(self, organisation: str, key: str, brought: Brought) -> None:
        """As `give_way`; where nothing else came it is gone, and another answer may come."""
        await waited_out(lambda: self.store.run(lambda connection: _forget(connection, organisation, key, brought)))

    def _put(
        self, connection: Connection, organisation: str, key: str, answer: Answer, stands: Callable[[bytes], bool]
    ) -> Came:
        _alone(connection, organisation, key)
        now, same = self.clock.now().timestamp(), _same(organisation, key)
        told = {"content": answer.content, "raw": answer.raw, "at": now, "others": 0, "other_at": None, "cleared": 0}
        if not insert_once(connection, callbacks, {"organisation": organisation, "key": key, **told}):
            kept = connection.execute(select(callbacks.c.content, callbacks.c.raw).where(same)).one()
            if kept.content == answer.content or not answer.decides:
                return "again"
            if stands(kept.raw):
                _contradict(connection, organisation, key, answer, now)
                return "another"
            connection.execute(update(callbacks).where(same).values(told))
            connection.execute(delete(rivals).where(_same(organisation, key, rivals)))
        _wake(connection, organisation, key, now)
        return "new"


def _contradict(connection: Connection, organisation: str, key: str, answer: Answer, now: float) -> None:
    """Another answer than the one that stands. Who waits hears that again: if it turned out to be none, this is it."""
    more = {"others": callbacks.c.others + 1, "other_at": now}
    connection.execute(update(callbacks).where(_same(organisation, key)).values(more))
    first = {"content": answer.content, "raw": answer.raw, "at": now, "number": 1}
    if not insert_once(connection, rivals, {"organisation": organisation, "key": key, **first}):
        again = _same(organisation, key, rivals) & (rivals.c.content == answer.content)
        connection.execute(update(rivals).where(again).values(number=rivals.c.number + 1))
    _wake(connection, organisation, key, now)


def _give_way(connection: Connection, organisation: str, key: str, brought: Brought) -> bool:
    _alone(connection, organisation, key)
    same, against = _same(organisation, key), _same(organisation, key, rivals)
    standing = (callbacks.c.at, callbacks.c.others, callbacks.c.other_at)
    kept = connection.execute(select(*standing).where(same)).first()
    if kept is None or kept.at != brought.at:
        return kept is not None
    rival = connection.execute(select(rivals).where(against)).first()
    if rival is None:
        return False
    others = kept.others - rival.number
    told = {"content": rival.content, "raw": rival.raw, "at": rival.at, "others": others, "cleared": 0}
    connection.execute(update(callbacks).where(same).values(**told, other_at=kept.other_at if others else None))
    connection.execute(delete(rivals).where(against))
    return True


def _forget(connection: Connection, organisation: str, key: str, brought: Brought) -> None:
    if not _give_way(connection, organisation, key, brought):
        connection.execute(delete(callbacks).where(_same(organisation, key)))


def _wake(connection: Connection, organisation: str, key: str, now: float) -> None:
    until = now + _STANDS_FOR.total_seconds()
    parking.wake(connection, consumer_of(organisation), *_delivery(key), now, until)


def prune(connection: Connection, before: float) -> int:
    """Forget answers that came before a moment, and with each what contradicted it; how many."""
    gone = connection.execute(delete(callbacks).where(callbacks.c.at < before)).rowcount
    answered = select(callbacks.c.key).where(
        callbacks.c.organisation == rivals.c.organisation, callbacks.c.key == rivals.c.key
    )
    connection.execute(delete(rivals).where(~answered.exists()))
    return gone


def unheard(connection: Connection, organisation: str, key: str, heard_at: float | None) -> bool:
    """Whether an answer is here other than the one that was heard; one that comes later finds what is written now.

    It must be asked in the transaction that has its delivery wait, or gives it up: else neither sees the other.
    """
    _alone(connection, organisation, key)
    found = _found(connection, organisation, key)
    return found is not None and found.at != heard_at


def _alone(connection: Connection, organisation: str, key: str) -> None:
    one_at_a_time(connection, f"{organisation} {key}")


def _found(connection: Connection, organisation: str, key: str) -> Brought | None:
    row = connection.execute(select(callbacks.c.raw, callbacks.c.at).where(_same(organisation, key))).first()
    return None if row is None else Brought(*row)


def _same(organisation: str, key: str, table: Table = callbacks) -> ColumnElement[bool]:
    return (table.c.organisation == organisation) & (table.c.key == key)


def key_of(id_: str, revision: int) -> str:
    """The idempotency key that an organisation sees: the same for every try of one revision of a delivery."""
    return id_ if revision == 1 else f"{id_}.r{revision}"


# -- what people ask


def kept(connection: Connection, organisation: str, delivery: str, revision: int) -> list[Kept]:
    """What an organisation called back about a delivery, by the editions up to this one."""
    keys = [key_of(delivery, number) for number in range(1, revision + 1)]
    mine = (callbacks.c.organisation == organisation) & callbacks.c.key.in_(keys)
    return sorted(_read(connection, _KEPT.where(mine)), key=lambda one: one.revision)


def about(connection: Connection, delivery: str) -> list[Kept]:
    """What was called back about a delivery, by its editions, whether there is such a one or not."""
    mine = (callbacks.c.key == delivery) | callbacks.c.key.startswith(f"{delivery}.r", autoescape=True)
    return sorted(_read(connection, _KEPT.where(mine)), key=lambda one: one.revision)


def contradictions(connection: Connection, most: int) -> list[Kept]:
    """Those answers that were contradicted, which nobody has cleared up, the newest first."""
    return _read(connection, _KEPT.where(_IS_OPEN).order_by(callbacks.c.other_at.desc()).limit(most))


def contradicted(connection: Connection) -> dict[str, int]:
    """How many such answers there are of each organisation that has any."""
    counted = select(callbacks.c.organisation, func.count().label("number")).where(_IS_OPEN)
    return {row.organisation: row.number for row in connection.execute(counted.group_by(callbacks.c.organisation))}


def clear_up(connection: Connection, delivery: str) -> list[Kept]:
    """Note that a person knows which answer about a delivery is true; those that were contradicted until now."""
    found = [one for one in _read(connection, _KEPT.where(_IS_OPEN)) if one.delivery == delivery]
    for one in found:
        same = _same(one.organisation, one.key)
        connection.execute(update(callbacks).where(same).values(cleared=one.others))
    return found


_KEPT: Final[Select[Any]] = select(*(callbacks.c[name] for name in Kept._fields))
_IS_OPEN: Final = callbacks.c.other_at.is_not(None) & (callbacks.c.others > callbacks.c.cleared)


def _read(connection: Connection, query: Select[Any]) -> list[Kept]:
    return [Kept(*row) for row in connection.execute(query)]


def _delivery(key: str) -> tuple[str, int]:
    """Whose key it is: the delivery's id, and its revision."""
    id_, _, revision = key.partition(".r")
    return id_, int(revision) if revision.isdecimal() else 1
