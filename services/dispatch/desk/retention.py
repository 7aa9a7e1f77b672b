"""How long it is kept what people did: after that it is deleted, a little at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, delete, exists, func, literal, select
from sqlalchemy.sql import ColumnElement

from services.dispatch import mailbox, refusals
from services.dispatch.consumers import consumer_of
from services.dispatch.tables import acts, items, repairs
from services.runtime import pruning
from services.runtime.clock import Clock
from services.runtime.store import Store, waited_out
from services.runtime.tables import parked

from . import held

_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes acts and repairs whose time is over, but for acts on what still waits; and notes that count no more."""

    store: Store
    clock: Clock
    kept: timedelta

    async def run(self) -> None:
        """Look each day, for as long as the service lives."""
        await pruning.regularly(self.prune)

    async def prune(self) -> None:
        """Delete all whose time is over."""
        before = (self.clock.now() - self.kept).timestamp()
        await waited_out(lambda: self.store.run(held.forget_stale))
        long_ago = (self.clock.now() - mailbox.KEPT).timestamp()
        await waited_out(lambda: self.store.run(partial(mailbox.prune, before=long_ago)))
        now = self.clock.now().timestamp()
        await waited_out(lambda: self.store.run(partial(refusals.prune, now=now)))
        for some in (_old_acts, _old_items, _old_repairs):
            await pruning.all_of(self.store, partial(some, before=before))


def _old_acts(connection: Connection, before: float) -> int:
    consumer = literal(consumer_of("")).concat(acts.c.organisation)
    waits = exists().where(parked.c.consumer == consumer, parked.c.id == acts.c.delivery)
    old = select(acts.c.seq).where(acts.c.at < before, ~waits).order_by(acts.c.at).limit(_AT_ONCE)
    return connection.execute(delete(acts).where(acts.c.seq.in_(old))).rowcount


def _old_items(connection: Connection, before: float) -> int:
    ended = select(repairs.c.id).where(_is_old(before), exists().where(items.c.repair == repairs.c.id)).limit(1)
    repair = connection.execute(ended).scalar()
    some = select(items.c.position).where(items.c.repair == repair).limit(_AT_ONCE)
    return connection.execute(delete(items).where(items.c.repair == repair, items.c.position.in_(some))).rowcount


def _old_repairs(connection: Connection, before: float) -> int:
    ended = select(repairs.c.id).where(_is_old(before)).limit(_AT_ONCE)
    return connection.execute(delete(repairs).where(repairs.c.id.in_(ended))).rowcount


def _is_old(before: float) -> ColumnElement[bool]:
    """Done or cancelled for so long, or planned so long ago and never run; one that runs or is paused is not over."""
    over = repairs.c.state.in_(("done", "cancelled", "planned"))
    return over & (func.coalesce(repairs.c.ended_at, repairs.c.planned_at) < before)
