"""How long a message waits for a case that is never opened: after that it is deleted, a little at a time.

Makers upload certificates of every car, and many a car is never sold here. What is forgotten of those costs a question:
MIIT is asked for the certificate when the car is sold after all. Nobody tells the others again, so they wait longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.sql import ColumnElement

from contracts.certificate import COC_CONFIRMED
from contracts.types import instant_text
from observability import logs
from services.runtime import pruning
from services.runtime.clock import Clock
from services.runtime.store import Store

from .tables import unplaced

CERTIFICATES_KEPT: Final = timedelta(days=365)
OTHERS_KEPT: Final = timedelta(days=3 * 365)
_AT_ONCE: Final = 1000

_CERTIFICATES: Final[ColumnElement[bool]] = unplaced.c.type.in_(
    [COC_CONFIRMED.type_of(number) for number in range(1, len(COC_CONFIRMED.models) + 1)]
)
"""The rows that are certificates."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Deletes what has waited too long for its case, and says how much."""

    store: Store
    clock: Clock

    async def run(self) -> None:
        """Look each day, for as long as the service lives."""
        await pruning.regularly(self.prune)

    async def prune(self) -> None:
        """Delete all whose time is over."""
        now = self.clock.now()
        for which, kept, rows in (
            ("certificates", CERTIFICATES_KEPT, _CERTIFICATES),
            ("others", OTHERS_KEPT, ~_CERTIFICATES),
        ):
            forgotten = await pruning.all_of(self.store, partial(_delete_some, rows=rows, before=now - kept))
            if forgotten:
                logs.get().info("unplaced_forgotten", kind=which, count=forgotten, days=kept.days)


def _delete_some(connection: Connection, rows: ColumnElement[bool], before: datetime) -> int:
    # Ids grow with time, so the oldest are found without looking at the rest.
    old = select(unplaced.c.id).where(rows, unplaced.c.at < instant_text(before)).order_by(unplaced.c.id)
    return connection.execute(delete(unplaced).where(unplaced.c.id.in_(old.limit(_AT_ONCE)))).rowcount
