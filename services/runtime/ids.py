"""Message ids: UUID version 7, so that ids sort by the time they were minted."""

from __future__ import annotations

import secrets
import time
import uuid

_RANDOM_BITS = 74
_VERSION_7 = 7 << 76
_VARIANT = 2 << 62
_LOW_BITS = 62


def new_id() -> str:
    """A new UUIDv7 in canonical text (RFC 9562)."""
    random = secrets.randbits(_RANDOM_BITS)
    high, low = random >> _LOW_BITS, random & ((1 << _LOW_BITS) - 1)
    milliseconds = time.time_ns() // 1_000_000
    return str(uuid.UUID(int=milliseconds << 80 | _VERSION_7 | high << 64 | _VARIANT | low))
