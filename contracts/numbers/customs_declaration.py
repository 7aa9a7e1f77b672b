"""Number of a customs declaration (报关单编号).

18 digits: four for the customs office, four for the year, one flag (0 export, 1 import), nine for the serial.

Sources: W9 (1bjqnw.com).

>>> validate("223320260000012345")
'223320260000012345'
>>> parts("223320260000012345")
Parts(office='2233', year='2026', direction='export', serial='000012345')
>>> validate("022020261000000017")
'022020261000000017'
>>> parts("022020261000000017")
Parts(office='0220', year='2026', direction='import', serial='000000017')
>>> refusal(validate, "22332026000001234").reason
'length'
>>> refusal(validate, "223320262000012345").reason
'direction'
>>> refusal(validate, "22332O26OOOOO12345").suggestion
'223320260000012345'
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from .errors import InvalidPart, refusal
from .writing import compact, digits

__all__ = ["Direction", "Parts", "compact", "is_valid", "parts", "validate"]

Direction = Literal["export", "import"]

_DIRECTIONS: Final[dict[str, Direction]] = {"0": "export", "1": "import"}


class Parts(NamedTuple):
    """What the declaration number says."""

    office: str
    year: str
    direction: Direction
    serial: str


def validate(text: str) -> str:
    """Return the compact number, if it is 18 digits with a known flag."""
    number = digits(text, 18, is_valid)
    if number[8] not in _DIRECTIONS:
        raise InvalidPart("direction")
    return number


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None


def parts(text: str) -> Parts:
    """Return the parts of a valid number."""
    number = validate(text)
    return Parts(number[:4], number[4:8], _DIRECTIONS[number[8]], number[9:])
