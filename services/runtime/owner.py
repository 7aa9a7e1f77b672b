"""Who may write for a partition: the fence that Kafka does not have.

A process that was frozen and thaws still believes it owns its partitions. Its epoch tells it otherwise, inside
every transaction; and before every call to an agency, by a lease that it renews by reading.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, tuple_

from observability import logs

from .record import Place
from .sql import insert_those_new, upsert
from .store import Store, StoreUnavailable, waited_out
from .tables import owner
from .work import Gone, Stuck

LEASE_S: Final = 3.0
_RENEW_S: Final = 1.0
_SURE_S: Final = 30.0
"""Whoever is still a member of the group after this long is no late assignee: the group itself began anew."""
_PATIENCE: Final = "1s"
"""Who is frozen inside a transaction keeps its locks for seconds; we ask again, so that others' acts come between."""
_KEYS: Final = ("consumer", "topic", "partition")
_NOBODY: Final = {"generation": -1, "epoch": 0, "who": ""}
_HELD: Final = "tongche.held"

# Built once: every transaction asks the first, and every second the second.
_OURS: Final = (
    select(owner.c.topic, owner.c.partition, owner.c.epoch)
    .where(owner.c.consumer == bindparam("consumer"), owner.c.who == bindparam("who"))
    .order_by(owner.c.topic, owner.c.partition)
    .with_for_update(read=True)
)
_OWNERS: Final = select(owner.c.topic, owner.c.partition, owner.c.epoch, owner.c.who).where(
    owner.c.consumer == bindparam("consumer")
)


@dataclass(slots=True)
class Fence:
    """The ownership of one consumer's partitions by this process."""

    store: Store
    consumer: str
    slot: str
    who: str = field(default_factory=lambda: f"{os.getpid()}@{time.time_ns()}")
    now: Callable[[], float] = time.monotonic
    _epochs: dict[Place, int] = field(default_factory=dict)
    _refused: dict[tuple[Place, int], float] = field(default_factory=dict)
    _renewed: float = 0.0
    _fresh: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        """This process in the owner's table: its slot, then what makes it unlike the others there before."""
        return f"{self.slot}/{self.who}"

    async def take(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        """Become the owner; gives back those partitions that a later generation has not taken already.

        Kafka forgets a group that nobody was in for a week, and counts its generations from one again; so who asks
        again and again under one generation gets them in the end.
        """
        asked = self.now()
        sure = {place for place in partitions if asked - self._refused.get((place, generation), asked) >= _SURE_S}
        taken = await waited_out(
            lambda: self.store.run(lambda connection: self._take(connection, partitions, generation, sure), alone=True)
        )
        self._epochs.update(taken)
        for place in partitions:
            if place in taken:
                self._refused.pop((place, generation), None)
            else:
                self._refused.setdefault((place, generation), asked)
        self._fresh_since(asked)
        return taken.keys()

    def drop(self, partitions: Collection[Place]) -> None:
        """Forget partitions that are somebody else's now."""
        for place in partitions:
            self._epochs.pop(place, None)

    def check(self, connection: Connection, place: Place) -> None:
        """Inside a transaction: raise `Gone` unless the partition is still ours; until it ends, nobody takes it."""
        mine = self._epochs.get(place)
        if mine is None or self._held(connection).get(place) != mine:
            raise Gone

    async def leased(self, place: Place) -> None:
        """Before a call: wait for a lease that is fresh. Raises `Gone` where the partition is no longer ours."""
        while not self.fresh(place):
            self._fresh.clear()
            await self._fresh.wait()

    def fresh(self, place: Place) -> bool:
        """Whether a call may start this very moment. Raises `Gone` where the partition is no longer ours."""
        if place not in self._epochs:
            raise Gone
        return self.now() - self._renewed <= LEASE_S

    async def renew(self) -> None:
        """Read the owners every second, for as long as the service lives. Raises `Stuck` when our place was taken."""
        while True:
            await asyncio.sleep(_RENEW_S)
            asked = self.now()
            try:
                rows = await self.store.read(self._rows)
            except StoreUnavailable as unreadable:
                # A fence that cannot be read does not renew the lease; calls wait.
                logs.get().warning("lease_unreadable", error=str(unreadable))
                continue
            self._compare(rows)
            self._fresh_since(asked)

    def _fresh_since(self, asked: float) -> None:
        # From before the question: a process may freeze between the answer and this line.
        self._renewed = max(self._renewed, asked)
        self._fresh.set()

    def _compare(self, rows: dict[Place, tuple[int, str]]) -> None:
        for place, epoch in list(self._epochs.items()):
            now, who = rows.get(place, (epoch, self.name))
            if now <= epoch:
                continue  # ours, or read before we took it
            del self._epochs[place]
            if who.split("/")[0] == self.slot:
                # Two processes in one place of the group would throw each other out for ever.
                message = f"{self.consumer}: another process has taken slot {self.slot}"
                raise Stuck(message)

    def _held(self, connection: Connection) -> dict[Place, int]:
        """The epochs of what is ours, asked for once a transaction."""
        transaction, held = connection.info.get(_HELD, (None, {}))
        if transaction is not connection.get_transaction():
            held = {}
            connection.info[_HELD] = (connection.get_transaction(), held)
        us = (self.consumer, self.name)
        if us not in held:
            held[us] = self._hold(connection)
        mine: dict[Place, int] = held[us]
        return mine

    def _hold(self, connection: Connection) -> dict[Place, int]:
        # Only our own rows: a lock that several processes share in turn would never be free for who takes a partition.
        # Whoever takes locks in the same order, so nobody waits in a circle.
        ours = connection.execute(_OURS, {"consumer": self.consumer, "who": self.name})
        return {Place(row.topic, row.partition): row.epoch for row in ours}

    def _take(
        self, connection: Connection, places: Iterable[Place], generation: int, sure: Collection[Place]
    ) -> dict[Place, int]:
        taken: dict[Place, int] = {}
        for place, held in self._locked(connection, sorted(places)).items():
            if generation < held.generation and place not in sure:
                continue  # a late assignee must not steal it back
            # Nobody else owned it in between: what is in flight under the old epoch stays valid.
            mine = held.epoch if held.who == self.name else held.epoch + 1
            row = {**self._row(place), "generation": generation, "epoch": mine, "who": self.name}
            upsert(connection, owner, _KEYS, row)
            taken[place] = mine
        return taken

    def _locked(self, connection: Connection, places: Sequence[Place]) -> dict[Place, _Owner]:
        """The rows of partitions, which nobody else may read for their checks or change before we are done."""
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.set_config("lock_timeout", _PATIENCE, True)))
        # Where there is no row there is nothing to lock.
        insert_those_new(connection, owner, [{**self._row(place), **_NOBODY} for place in places])
        columns = (owner.c.topic, owner.c.partition, owner.c.generation, owner.c.epoch, owner.c.who)
        these = (owner.c.consumer == self.consumer) & tuple_(owner.c.topic, owner.c.partition).in_(map(tuple, places))
        query = select(*columns).where(these).order_by(owner.c.topic, owner.c.partition).with_for_update()
        found = connection.execute(query)
        return {Place(row.topic, row.partition): _Owner(row.generation, row.epoch, row.who) for row in found}

    def _row(self, place: Place) -> dict[str, Any]:
        return {"consumer": self.consumer, "topic": place.topic, "partition": place.partition}

    def _rows(self, connection: Connection) -> dict[Place, tuple[int, str]]:
        found = connection.execute(_OWNERS, {"consumer": self.consumer})
        return {Place(row.topic, row.partition): (row.epoch, row.who) for row in found}


class _Owner(NamedTuple):
    """Who a partition's owner is, and since which generation of the group."""

    generation: int
    epoch: int
    who: str


def who(connection: Connection, consumer: str, place: Place) -> str | None:
    """The name of the process that owns a partition, for those who look at it from outside."""
    topic, partition = place
    where = (owner.c.consumer == consumer) & (owner.c.topic == topic) & (owner.c.partition == partition)
    return connection.execute(select(owner.c.who).where(where)).scalar()
