"""Administrative division code (行政区划代码): GB/T 2260.

Six digits: two for the province, two for the prefecture, two for the county. Codes are retired but stay valid in
numbers given out before, so the form decides, and `known` only informs.

Sources: common knowledge; the table of present and past codes is python-stdnum's (from zh.wikipedia.org), with gaps.

>>> validate("500105"), known("500105"), known("440524")
('500105', True, True)
>>> refusal(validate, "50010").reason
'length'
>>> fault = refusal(validate, "5OO1O5")
>>> fault.reason, fault.suggestion
('character', '500105')
>>> known("999999")
False
>>> is_mainland("610113"), is_mainland("810000"), is_mainland("999999")
(True, False, False)
"""

from __future__ import annotations

from typing import Final

from stdnum import numdb

from .errors import refusal
from .writing import compact, digits

__all__ = ["compact", "is_mainland", "is_valid", "known", "validate"]

_PROVINCES: Final = frozenset(
    {
        *("11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43"),
        *("44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65"),
    }
)


def validate(text: str) -> str:
    """Return the compact code, if it is six digits."""
    return digits(text, 6, is_valid)


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None


def known(text: str) -> bool:
    """Whether the table has the code, now or in the past; a code it lacks may still be right."""
    found = numdb.get("cn/loc").info(validate(text))
    return any("county" in properties for _, properties in found)


def is_mainland(text: str) -> bool:
    """Whether its first two digits are those of one of the 31 provinces whose police give plates by GA 36."""
    return validate(text)[:2] in _PROVINCES
