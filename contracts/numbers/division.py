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
"""

from __future__ import annotations

from stdnum import numdb

from .errors import refusal
from .writing import compact, digits

__all__ = ["compact", "is_valid", "known", "validate"]


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
