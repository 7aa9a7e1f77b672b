"""How headers, records and messages are written into columns."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Row

from contracts.envelope import Headers

from .record import Outgoing, Record


def pack_headers(headers: Headers) -> bytes:
    """Headers as JSON; their bytes in base64, since a stranger's need not be text."""
    return to_json(headers, bytes_mode="base64")


def unpack_headers(packed: bytes) -> Headers:
    """The inverse of `pack_headers`."""
    return tuple((name, _bytes(value)) for name, value in from_json(packed))


def pack_record(record: Record) -> dict[str, Any]:
    """A record as the columns of a row, named alike in every table that keeps one."""
    return {
        "id": record.id,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "headers": pack_headers(record.headers),
        "value": record.value or b"",
    }


def unpack_record(row: Row[Any]) -> Record:
    """The inverse of `pack_record`."""
    return Record(row.topic, row.partition, row.offset, row.key, unpack_headers(row.headers), row.value)


def pack_messages(messages: Iterable[Outgoing]) -> bytes:
    """Messages to send, as JSON."""
    return to_json([(one.id, one.topic, one.key, one.headers, one.value) for one in messages], bytes_mode="base64")


def unpack_messages(packed: bytes) -> list[Outgoing]:
    """The inverse of `pack_messages`."""
    rows: list[list[Any]] = from_json(packed)
    return [
        Outgoing(id_, topic, key, tuple((name, _bytes(content)) for name, content in headers), _bytes(value))
        for id_, topic, key, headers, value in rows
    ]


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text)
