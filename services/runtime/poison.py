"""Bytes that are none of our messages: kept raw, with the reason, so that the lane can go on."""

from __future__ import annotations

from typing import Final

from observability import logs, metrics

from .producer import Producer
from .record import Outgoing, Record

REASON: Final = "tongche_poison_reason"
PLACE: Final = "tongche_poison_place"


async def set_aside(producer: Producer, record: Record, reason: str) -> None:
    """Send a record raw to `<topic>.poison`, at least once, with where it came from and why it went there."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    metrics.count("tongche_poison_total", topic=record.topic)
    logs.get().warning("poison", place=place, reason=reason)
    headers = (*record.headers, (REASON, reason.encode()), (PLACE, place.encode()))
    await producer.send(Outgoing(place, f"{record.topic}.poison", record.key, headers, record.value or b""))
