"""Messages that a case keeps: as they were when they were stored, as the newest version when they are read."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator, ValidationError
from pydantic_core import to_json

from contracts.contract import Contract
from contracts.versions import Versions


def newest(versions: Versions) -> BeforeValidator:
    """Read a message that was stored without its version: of the newest version that it fits, and lifted from there.

    Contracts are strict, and only JSON has a text for a day: so it is read as JSON, not as what a parser made of it.
    """

    def read(value: Any) -> Contract:
        return value if isinstance(value, Contract) else _read(versions, to_json(value))

    return BeforeValidator(read)


def _read(versions: Versions, stored: bytes) -> Contract:
    for number in range(versions.newest, 1, -1):
        try:
            return versions.read(number, stored)
        except ValidationError:
            continue
    return versions.read(1, stored)
