"""Number of an export licence (出口许可证号).

`YY-XX-NNNNNN`: the year, the issuer (AA the licence bureau, AB and AC its offices, two digits a local authority), the
serial. One licence serves one customs district.

Sources: W9 (chinagate.cn, txxibo.com).

>>> validate("26-AA-100256"), validate("06-AB-204966")
('26-AA-100256', '06-AB-204966')
>>> refusal(validate, "2026-AA-1").reason
'length'
>>> parts("06-AB-204966")
Parts(year='06', issuer='AB', serial='204966')
>>> refusal(validate, "26-AD-100256").reason
'issuer'
>>> refusal(validate, "26/AA/100256").reason
'shape'
>>> refusal(validate, "26-AA-1OO256").suggestion
'26-AA-100256'
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .errors import InvalidCharacter, InvalidPart, refusal
from .writing import compact, lookalike, sized

__all__ = ["Parts", "compact", "is_valid", "parts", "validate"]

_SHAPE: Final = re.compile("[0-9]{2}-[A-Z0-9]{2}-[0-9]{6}")
_ISSUER: Final = re.compile("A[ABC]|[0-9]{2}")


class Parts(NamedTuple):
    """What the licence number says."""

    year: str
    issuer: str
    serial: str


def validate(text: str) -> str:
    """Return the compact number, if its form is right and its issuer one in use."""
    number = sized(text, 12)
    if not _SHAPE.fullmatch(number):
        raise InvalidCharacter("shape", lookalike(number, is_valid))
    if not _ISSUER.fullmatch(number[3:5]):
        raise InvalidPart("issuer")
    return number


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None


def parts(text: str) -> Parts:
    """Return the parts of a valid number."""
    return Parts(*validate(text).split("-"))
