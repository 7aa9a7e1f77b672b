"""How fast repairs may act on one organisation's deliveries: all repairs in all processes together.

Each reserves its turn behind the last one that was reserved, so that several take turns. Moments are those of the
database's clock, which is the only one that all processes share.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from services.dispatch.tables import paces
from services.runtime import sql


def turn(connection: Connection, consumer: str, lasts_s: float) -> float:
    """Reserve the next turn, after which nobody has one for so many seconds; in how many seconds it comes."""
    sql.insert_once(connection, paces, {"consumer": consumer, "noted_at": 0.0, "next_at": 0.0})
    this = paces.c.consumer == consumer
    noted_at, next_at = connection.execute(
        select(paces.c.noted_at, paces.c.next_at).where(this).with_for_update()
    ).one()
    # Only now that it is ours: a moment from before we waited for it could be earlier than the one that is noted.
    now = sql.now(connection)
    # A clock that was put back would have everybody wait for as long.
    at = max(now, next_at) if noted_at <= now else now
    connection.execute(update(paces).where(this).values(noted_at=now, next_at=at + lasts_s))
    return float(at - now)
