"""Who may write for a partition: the fence that Kafka does not have.

A process that was frozen and thaws still believes it owns its partitions. Its epoch tells it otherwise, inside
every transaction; and before every call to an agency, by a lease that it renews by reading.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, select, text

from observability import logs

from .record import Place
from .sql import upsert
from .store import Store, StoreUnavailable, waited_out
from .tables import owner
from .work import Gone, Stuck

LEASE_S: Final = 3.0
_RENEW_S: Final = 1.0
_SURE_S: Final = 30.0
"""Whoever is still a member of the group after this long is no late assignee: the group itself began anew."""
_TAKING: Final = 7411
_KEYS: Final = ("consumer", "topic", "partition")
_EPOCHS: Final = "tongche.epochs"


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
            lambda: self.store.run(lambda connection: self._take(connection, partitions, generation, sure))
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
        """Inside a transaction: raise `Gone` unless the partition is still ours."""
        epochs = connection.info.get(_EPOCHS)
        if epochs is None or epochs[0] is not connection.get_transaction():
            epochs = (connection.get_transaction(), self._rows(connection, lock=True))
            connection.info[_EPOCHS] = epochs
        mine = self._epochs.get(place)
        if mine is None or epochs[1].get((self.consumer, *place), (None,))[0] != mine:
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

    def _compare(self, rows: dict[tuple[str, str, int], tuple[int, str]]) -> None:
        for (topic, partition), epoch in list(self._epochs.items()):
            now, who = rows.get((self.consumer, topic, partition), (epoch, self.name))
            if now <= epoch:
                continue  # ours, or read before we took it
            del self._epochs[Place(topic, partition)]
            if who.split("/")[0] == self.slot:
                # Two processes in one place of the group would throw each other out for ever.
                message = f"{self.consumer}: another process has taken slot {self.slot}"
                raise Stuck(message)

    def _take(
        self, connection: Connection, places: Iterable[Place], generation: int, sure: Collection[Place]
    ) -> dict[Place, int]:
        if connection.dialect.name == "postgresql":
            # There may be no row yet to lock. Two takers that also check may still wait for each other; then
            # PostgreSQL sends one of them away, and it asks again.
            connection.execute(text("select pg_advisory_xact_lock(:taking)"), {"taking": _TAKING})
        rows = self._rows(connection, lock=True)
        connection.info.pop(_EPOCHS, None)
        taken: dict[Place, int] = {}
        for place in places:
            topic, partition = place
            epoch, who = rows.get((self.consumer, topic, partition), (0, ""))
            held = self._generation(connection, topic, partition)
            if generation < held and place not in sure:
                continue  # a late assignee must not steal it back
            # Nobody else owned it in between: what is in flight under the old epoch stays valid.
            mine = epoch if who == self.name else epoch + 1
            row = {"consumer": self.consumer, "topic": topic, "partition": partition}
            upsert(connection, owner, _KEYS, {**row, "generation": generation, "epoch": mine, "who": self.name})
            taken[place] = mine
        return taken

    def _generation(self, connection: Connection, topic: str, partition: int) -> int:
        where = (owner.c.consumer == self.consumer) & (owner.c.topic == topic) & (owner.c.partition == partition)
        held = connection.execute(select(owner.c.generation).where(where).with_for_update()).scalar()
        return -1 if held is None else held

    def _rows(self, connection: Connection, *, lock: bool = False) -> dict[tuple[str, str, int], tuple[int, str]]:
        columns = (owner.c.consumer, owner.c.topic, owner.c.partition, owner.c.epoch, owner.c.who)
        query = select(*columns)
        if lock:
            query = query.with_for_update(read=True)
        return {(row.consumer, row.topic, row.partition): (row.epoch, row.who) for row in connection.execute(query)}


def who(connection: Connection, consumer: str, place: Place) -> str | None:
    """The name of the process that owns a partition, for those who look at it from outside."""
    topic, partition = place
    where = (owner.c.consumer == consumer) & (owner.c.topic == topic) & (owner.c.partition == partition)
    return connection.execute(select(owner.c.who).where(where)).scalar()
