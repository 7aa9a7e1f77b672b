"""What the door for call-backs turned away, for people to see: how often and why, and nothing of what was brought.

And what it took in that nobody can read: a code or a content that was never agreed, which its command may outlive.

An organisation that seals with a wrong key believes that it answers, while its commands wait as if it were silent.
Anybody can knock, so refusals are counted in memory and written once a second, one row for each reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import Connection, delete, select

from services.runtime.clock import Clock
from services.runtime.sql import one_at_a_time, upsert
from services.runtime.store import Store, waited_out

from .tables import refusals as table

SHOWN_FOR: Final = timedelta(days=1)
"""So long after the last of them people are told; who is refused after that is counted anew."""
UNREAD: Final = "unread"
"""The one reason that is none for a refusal: it was taken in."""
_EVERY_S: Final = 1.0


class Refusal(NamedTuple):
    """So many call-backs of an organisation were refused for one reason, from the first moment to the last."""

    organisation: str
    why: str
    number: int
    since: float
    last_at: float


@dataclass(slots=True)
class Refusals:
    """Those of all organisations, by all processes."""

    store: Store
    clock: Clock
    _new: dict[tuple[str, str], Refusal] = field(default_factory=dict)

    def note(self, organisation: str, why: str) -> None:
        """One was refused. `why` is a word of ours: whatever stands there is shown to people."""
        now = self.clock.now().timestamp()
        self._new[organisation, why] = _one_more(self._new.get((organisation, why)), organisation, why, now)

    async def run(self) -> None:
        """Write what was noted, for as long as the service lives."""
        while True:
            await self.write()
            await asyncio.sleep(_EVERY_S)

    async def write(self) -> None:
        """Write what was noted; returns when it is durable."""
        found, self._new = self._new, {}
        if found:
            await waited_out(lambda: self.store.run(partial(_add, found=list(found.values()))))


def standing(connection: Connection, now: float) -> list[Refusal]:
    """What people are to be told of now, the last refused first."""
    recent = table.c.last_at > now - SHOWN_FOR.total_seconds()
    query = select(*(table.c[name] for name in Refusal._fields)).where(recent).order_by(table.c.last_at.desc())
    return [Refusal(*row) for row in connection.execute(query)]


def prune(connection: Connection, now: float) -> None:
    """Forget what nobody is told of any more."""
    connection.execute(delete(table).where(table.c.last_at <= now - SHOWN_FOR.total_seconds()))


def _one_more(so_far: Refusal | None, organisation: str, why: str, now: float) -> Refusal:
    if so_far is None:
        return Refusal(organisation, why, 1, now, now)
    return so_far._replace(number=so_far.number + 1, last_at=now)


def _add(connection: Connection, found: Collection[Refusal]) -> None:
    # Two processes would otherwise each add to the number that it has read.
    one_at_a_time(connection, table.name)
    known = {(one.organisation, one.why): one for one in standing(connection, max(one.since for one in found))}
    for one in found:
        before = known.get((one.organisation, one.why))
        whole = one if before is None else one._replace(number=before.number + one.number, since=before.since)
        upsert(connection, table, ("organisation", "why"), whole._asdict())
