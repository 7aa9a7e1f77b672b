"""What Kafka kept no more before it could be posted: noted for people, until one of them has seen to it.

Which letters these were is told by where they stood; what stood there nobody has any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select, update

from services.projection.tables import webhook_losses
from services.runtime.parking import Parked
from services.runtime.sql import insert_once

_ROWS: Final = webhook_losses.c
_NAMED: Final = 20
"""So many ids of messages are told of a partition; the table has them all."""


class Lost(NamedTuple):
    """Letters that stood side by side on a partition. Moments are seconds since 1970."""

    subscriber: str
    topic: str
    partition: int
    first: int
    last: int
    noted_at: float
    message: str | None = None
    since: float | None = None


def of(row: Parked, subscriber: str, now: float) -> Lost:
    """One that waited, and is gone."""
    record = row.record
    return Lost(subscriber, record.topic, record.partition, record.offset, record.offset, now, record.id, row.since)


def note(connection: Connection, lost: Lost) -> None:
    """Store it, once."""
    insert_once(connection, webhook_losses, lost._asdict())


def unseen(connection: Connection) -> Mapping[str, dict[str, Any]]:
    """By subscriber what nobody has acknowledged: how many, from which moments, and where they stood."""
    number = func.sum(_ROWS.last - _ROWS.first + 1)
    place = (_ROWS.subscriber, _ROWS.topic, _ROWS.partition)
    span = (number, func.min(_ROWS.first), func.max(_ROWS.last), func.min(_ROWS.since), func.max(_ROWS.noted_at))
    query = select(*place, *span).where(_ROWS.seen_at.is_(None)).group_by(*place).order_by(*place)
    found: dict[str, dict[str, Any]] = {}
    for subscriber, topic, partition, many, first, last, since, noted_at in connection.execute(query):
        told = found.setdefault(subscriber, {"number": 0, "ranges": []})
        told["number"] += int(many)
        stood = {"topic": topic, "partition": partition, "first": first, "last": last, "number": int(many)}
        moments = {"since": since, "noted_at": noted_at}
        told["ranges"].append(stood | moments | {"messages": _messages(connection, subscriber, topic, partition)})
    return found


def _messages(connection: Connection, subscriber: str, topic: str, partition: int) -> list[str]:
    here = (_ROWS.subscriber == subscriber, _ROWS.topic == topic, _ROWS.partition == partition)
    query = select(_ROWS.message).where(*here, _ROWS.seen_at.is_(None), _ROWS.message.is_not(None))
    return list(connection.execute(query.order_by(_ROWS.first).limit(_NAMED)).scalars())


def acknowledge(connection: Connection, subscriber: str, who: str, reason: str, now: float) -> int:
    """Note that a person has seen to all that is noted so far; how many letters that were."""
    mine = (_ROWS.subscriber == subscriber, _ROWS.seen_at.is_(None))
    number = connection.execute(select(func.sum(_ROWS.last - _ROWS.first + 1)).where(*mine)).scalar()
    connection.execute(update(webhook_losses).where(*mine).values(seen_at=now, who=who, reason=reason))
    return int(number or 0)
