"""Bytes that are none of our messages: kept raw, with the reason, so that the lane can go on."""

from __future__ import annotations

from typing import Final

from contracts.envelope import Headers
from contracts.topics import LARGEST_MESSAGE
from observability import logs, metrics

from .producer import Producer
from .record import ROOM_FOR_HEADERS, Outgoing, Record

REASON: Final = "tongche_poison_reason"
PLACE: Final = "tongche_poison_place"
CUT: Final = "tongche_poison_cut"
_LARGEST_VALUE: Final = LARGEST_MESSAGE - ROOM_FOR_HEADERS


async def set_aside(producer: Producer, record: Record, reason: str) -> None:
    """Send a record raw to `<topic>.poison`, at least once, with where it came from and why it went there.

    A stranger may send more than we do; then what is kept is cut, and says so: the whole is still at its place.
    """
    await note(record, reason)
    place = record.spot
    value = (record.value or b"")[:_LARGEST_VALUE]
    headers = (*_fitting(record), (REASON, reason.encode()), (PLACE, place.encode()))
    await producer.send(Outgoing(place, f"{record.topic}.poison", record.key[:1000], headers, value))


async def note(record: Record, reason: str) -> None:
    """Only count and log it: the record stays where it is on Kafka."""
    metrics.count("tongche_poison_total", topic=record.topic)
    logs.get().warning("poison", place=record.spot, reason=reason)


def _fitting(record: Record) -> Headers:
    carried = sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    kept = record.headers if carried <= ROOM_FOR_HEADERS // 2 else ()
    length = len(record.value or b"")
    if kept == record.headers and length <= _LARGEST_VALUE:
        return kept
    return (*kept, (CUT, f"value {length} bytes, headers {carried} bytes".encode()))
