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
    return to_json([[name, _text(value)] for name, value in headers])


def unpack_headers(packed: bytes) -> Headers:
    """The inverse of `pack_headers`."""
    return tuple((name, base64.b64decode(value)) for name, value in from_json(packed))


def pack_messages(messages: Iterable[Outgoing]) -> bytes:
    """Messages to send, as JSON."""
    return to_json(
        [[one.id, one.topic, one.key, [[n, _text(v)] for n, v in one.headers], _text(one.value)] for one in messages]
    )


def unpack_messages(packed: bytes) -> list[Outgoing]:
    """The inverse of `pack_messages`."""
    rows: list[list[Any]] = from_json(packed)
    return [
        Outgoing(id_, topic, key, tuple((n, base64.b64decode(v)) for n, v in headers), base64.b64decode(value))
        for id_, topic, key, headers, value in rows
    ]


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
