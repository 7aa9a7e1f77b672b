"""How it stands with those to whom we post: which secret signs, since when nothing is taken, who paused it and why."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from services.projection.tables import webhooks
from services.runtime.sql import insert_once


class Standing(NamedTuple):
    """What is kept of one; moments in seconds since 1970."""

    subscriber: str
    secret: int = 0
    old_until: float | None = None
    failing_since: float | None = None
    failure: str | None = None
    paused_at: float | None = None
    who: str | None = None
    reason: str | None = None
    address: str | None = None
    resumed_at: float | None = None

    def secrets(self, now: float) -> tuple[int, ...]:
        """The numbers of the secrets that sign now, the newest first: two while the older one is still good."""
        is_old_good = self.secret > 0 and self.old_until is not None and now < self.old_until
        return (self.secret, self.secret - 1) if is_old_good else (self.secret,)


def kept(connection: Connection) -> dict[str, Standing]:
    """All of them, by subscriber."""
    return {row.subscriber: Standing(*row) for row in connection.execute(select(webhooks))}


def change(connection: Connection, subscriber: str, **told: Any) -> Standing:
    """Store what is told of one, and nothing else: others may be telling something else of it."""
    insert_once(connection, webhooks, {"subscriber": subscriber})
    this = webhooks.c.subscriber == subscriber
    connection.execute(update(webhooks).where(this).values(**told))
    return Standing(*connection.execute(select(webhooks).where(this)).one())
