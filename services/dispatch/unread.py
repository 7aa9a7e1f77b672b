"""A command that cannot be read, as far as it can: enough to tell its case that nobody will deliver it.

Its contract may have changed since it was parked, or be one that only a newer dispatch knows.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pydantic import TypeAdapter
from pydantic_core import from_json

from contracts.envelope import Envelope, envelope_of
from contracts.types import Reference, Vin
from services.runtime.record import Record

_TYPE: Final = re.compile(r"tongche\.([a-z_]{1,29}\.[a-z_]{1,30})\.v[0-9]{1,4}")
_ID: Final[TypeAdapter[str]] = TypeAdapter(Reference)
_VIN: Final[TypeAdapter[str]] = TypeAdapter(Vin)


class Unread(NamedTuple):
    """What is known of it: its envelope, its contract's name, and its VIN where one stands in it."""

    envelope: Envelope
    name: str
    vin: str | None


def unread(record: Record) -> Unread | None:
    """What can be told of a command that cannot be read; None of what is no command of ours at all."""
    try:
        envelope = envelope_of(record.headers)
        _ID.validate_python(envelope.id)
    except ValueError:
        return None
    name = _TYPE.fullmatch(envelope.type)
    return Unread(envelope, name[1], _vin(record.value)) if name else None


def _vin(value: bytes | None) -> str | None:
    try:
        return _VIN.validate_python(from_json(value or b"")["vin"])
    except (ValueError, TypeError, LookupError):
        return None
