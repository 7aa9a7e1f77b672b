"""The names under which organisations' rows stand: also those of their consumer groups."""

from __future__ import annotations

from typing import Final

_PREFIX: Final = "dispatch."


def consumer_of(organisation: str) -> str:
    """An organisation's."""
    return f"{_PREFIX}{organisation}"


def organisation_of(consumer: str) -> str:
    """The inverse of `consumer_of`."""
    return consumer.removeprefix(_PREFIX)
