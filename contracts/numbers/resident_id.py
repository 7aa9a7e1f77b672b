"""Resident identity number (公民身份号码): GB 11643.

17 digits and a check: 1-6 administrative division (historic codes stay valid), 7-14 date of birth, which must exist,
15-17 sequence (odd for men), 18 the check: `sum mod 11` indexes `10X98765432`.

The date and the check decide. Whether the division is known is asked apart by `division_known`, and never a reason to
refuse: tables of old codes have gaps. Foreign permanent residents' cards of 2023 (beginning with 9) and residence
permits for Hong Kong, Macao and Taiwan residents (81, 82, 83) share the form; passports do not, so messages carry the
type of the document beside its number.

No fault carries a suggestion: the number is a person's, and a corrected one would be an echo of it.

Sources: SN (python-stdnum, as a cross-check only) and computation; common knowledge for the other cards.

>>> validate("11010519491231002X"), weighted_sum("11010519491231002X")
('11010519491231002X', 167)
>>> validate("440524188001010014"), weighted_sum("440524188001010014")
('440524188001010014', 195)
>>> validate("34052419800101001X"), weighted_sum("34052419800101001X")
('34052419800101001X', 189)
>>> refusal(validate, "110105194912310021").reason, check_digit("110105194912310021")
('check_digit', 'X')

>>> validate(" 11010519491231002x")
'11010519491231002X'
>>> refusal(validate, "440300199002300003").reason
'birth_date'
>>> birth_date("440524188001010014")
datetime.date(1880, 1, 1)
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from typing import Final

from . import division
from .errors import InvalidCharacter, InvalidCheck, InvalidPart, refusal
from .writing import compact, sized

__all__ = ["birth_date", "check_digit", "compact", "division_known", "is_valid", "validate", "weighted_sum"]

_SHAPE: Final = re.compile("[0-9]{17}[0-9X]")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def validate(text: str) -> str:
    """Return the compact number, if its date of birth exists and its check holds."""
    number = sized(text, 18)
    if not _SHAPE.fullmatch(number):
        raise InvalidCharacter("character")
    if not _exists(*_birth(number)):
        raise InvalidPart("birth_date")
    if number[17] != check_digit(number):
        raise InvalidCheck("check_digit")
    return number


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None


def weighted_sum(number: str) -> int:
    """Return the sum behind the check, of a number of the right form."""
    return sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))


def check_digit(number: str) -> str:
    """Return what must stand at position 18 of a number of the right form."""
    return "10X98765432"[weighted_sum(number) % 11]


def birth_date(text: str) -> date:
    """Return the date of birth in a valid number."""
    return date(*_birth(validate(text)))


def division_known(text: str) -> bool:
    """Whether the division in a valid number is in the table; if not, warn, but accept the number.

    >>> division_known("11010519491231002X"), division_known("34052419800101001X")
    (True, False)
    """
    return division.known(validate(text)[:6])


def _birth(number: str) -> tuple[int, int, int]:
    return int(number[6:10]), int(number[10:12]), int(number[12:14])


def _exists(year: int, month: int, day: int) -> bool:
    return year > 0 and month in range(1, 13) and 1 <= day <= monthrange(year, month)[1]
