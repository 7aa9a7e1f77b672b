"""How headers, messages and attempts are written into columns."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from pydantic_core import from_json, to_json

from contracts.envelope import Headers

from .record import Outgoing


def pack_headers(headers: Headers) -> bytes:
    """Headers as JSON; their bytes in base64, since a stranger's need not be text."""
    return to_json(headers, bytes_mode="base64")


def unpack_headers(packed: bytes) -> Headers:
    """The inverse of `pack_headers`."""
    return tuple((name, _bytes(value)) for name, value in from_json(packed))


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
