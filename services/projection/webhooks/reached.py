"""Up to where each subscriber's topics were read for it: what they drop beyond that, nobody has read.

Kafka forgets where a group stood that nobody is in for a week, and a subscriber may be paused for longer than its
topics keep anything. So it is kept here, and held against where the topics begin now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, select

from services.projection.tables import webhook_reached
from services.runtime.record import Place
from services.runtime.sql import upsert_all

from . import losses
from .losses import Lost

_ROWS: Final = webhook_reached.c
_KEYS: Final = ("subscriber", "topic", "partition")
Spans = Mapping[Place, tuple[int, int]]
"""The offsets of the first record of each partition that is there now, and of the one after its last."""


def look(connection: Connection, subscriber: str, spans: Spans, read: Mapping[Place, int], now: float) -> int:
    """Note what was dropped unread since the last look; how many. `read` tells how far we are where we read now."""
    query = select(_ROWS.topic, _ROWS.partition, _ROWS.offset).where(_ROWS.subscriber == subscriber)
    known = {Place(topic, partition): offset for topic, partition, offset in connection.execute(query)}
    rows, lost = [], 0
    for place, (begin, end) in spans.items():
        before = known.get(place, begin)
        # A topic that was made anew counts from nought.
        stood = begin if before > end else max(before, read.get(place, 0))
        if stood < begin:
            losses.note(connection, Lost(subscriber, *place, stood, begin - 1, now))
            lost += begin - stood
        rows.append({"subscriber": subscriber, **place._asdict(), "offset": max(stood, begin)})
    upsert_all(connection, webhook_reached, _KEYS, rows)
    return lost
