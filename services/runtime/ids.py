"""Message ids: UUID version 7, so that ids sort by the time they were minted."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import Final

_BYTES: Final = 10
_AT_ONCE: Final = 400
_HIGH: Final = (1 << 12) - 1
_LOW: Final = (1 << 62) - 1
_VERSION_7: Final = 7 << 76
_VARIANT: Final = 2 << 62

_drawn: deque[int] = deque()
"""Random numbers in store: asking the system for each costs more than all the rest of a message."""


def new_id() -> str:
    """A new UUIDv7 in canonical text (RFC 9562). From any thread."""
    random = _random()
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | _VERSION_7 | (random >> 62 & _HIGH) << 64 | _VARIANT | random & _LOW
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _random() -> int:
    while True:
        try:
            return _drawn.popleft()  # one at a time, whoever asks: two threads never get the same
        except IndexError:
            drawn = os.urandom(_BYTES * _AT_ONCE)
            _drawn.extend(int.from_bytes(drawn[at : at + _BYTES]) for at in range(0, len(drawn), _BYTES))


# A child that began with its parent's store would mint its parent's ids.
os.register_at_fork(after_in_child=_drawn.clear)
