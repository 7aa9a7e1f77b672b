"""A consumer whose whole effect is in its store: exactly once, in the order of each key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from contracts.envelope import Undecodable

from .clock import Clock
from .poison import set_aside
from .producer import Producer
from .record import Record
from .sql import insert_once
from .store import Store, waited_out
from .tables import ledger
from .work import Forgetful

Apply = Callable[[Connection, Record], None]
Identity = Callable[[Record], str]


def by_message(record: Record) -> str:
    """The id that the message carries: what is said twice under one id is one message."""
    return record.id


def by_place(record: Record) -> str:
    """Where it stands on Kafka: for ids of strangers, who may use one twice and must then hear of it."""
    return record.spot


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which topics a service follows, in which group, and what it does with a record inside a transaction.

    `apply` runs once for each (group, identity), in the same transaction as the note that it ran. It raises
    `Undecodable` for bytes that are no message of ours: they go to `<topic>.poison` and the lane goes on.
    """

    group: str
    topics: Sequence[str]
    apply: Apply
    identity: Identity = by_message


@dataclass(frozen=True, slots=True)
class TransactionalWork(Forgetful):
    """The work of a `Subscription` in its lanes: the ledger row in each transaction is its fence and its memory."""

    subscription: Subscription
    store: Store
    producer: Producer
    clock: Clock = field(default_factory=Clock)

    async def handle(self, record: Record, known: Any | None) -> None:
        """Apply a record; waits out a store that cannot write."""
        del known
        try:
            await waited_out(lambda: self.store.run(lambda connection: self._once(connection, record)))
        except Undecodable as wrong:
            await set_aside(self.producer, record, wrong.reason)

    def waits(self) -> bool:
        """Only the store can keep it waiting for long."""
        return not self.store.available

    def _once(self, connection: Connection, record: Record) -> None:
        id_ = self.subscription.identity(record)
        row = {"consumer": self.subscription.group, "id": id_, "outputs": None, "at": self.clock.now().timestamp()}
        if insert_once(connection, ledger, row):
            self.subscription.apply(connection, record)
