"""What any way to an organisation does for us: it takes a message there and brings back what was said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from adapters.spec import Endpoint, Letter

LARGEST_ANSWER: Final = 1_048_576
"""Bytes. A longer answer is broken; it is never read into memory."""


class Brought(NamedTuple):
    """What came back, as it came."""

    status: int
    headers: Mapping[str, str]
    raw: bytes


class Carrier(Protocol):
    """The way to one organisation."""

    async def carry(self, endpoint: Endpoint, letter: Letter, key: str | None) -> Brought:
        """Take a message to an endpoint; `key` is its idempotency key, where it is more than a question.

        Raises `adapters.errors.Unavailable` where it certainly did not arrive, `Ambiguous` where it may have, and
        `BrokenAnswer` for an answer that nobody can take in.
        """
        ...
