"""VIN, vehicle identification number (车辆识别代号): GB 16735-2019, ISO 3779.

17 characters of digits and capital letters without I, O and Q:

* 1-3 the maker (WMI, GB 16737-2019), looked up in `wmi.csv`. Mainland codes mostly begin with L, newer ones also with
  H, so no letter is assumed. A third character 9 means a low-volume maker, whose code goes on at 12-14.
* 4-8 descriptor, 9 check digit, 10 model year, 11 plant, 12-17 serial, whose last four are digits.

The check digit is the sum of value times weight, modulo 11, with 10 written X. Model years run through
`ABCDEFGHJKLMNPRSTVWXY123456789`, A being 1980 and 2010; so 0, U and Z never stand there.

Blind spot: letters that share a value (A, J and 1; B, K, S and 2; ...) swap without a trace. The check never replaces
comparing VIN and engine or motor number with the certificate.

Sources: W9 (31j04.com, talkcc.com; foreword of GB 16737-2019 at chinesestandard.net); common knowledge for the last
four digits and for low-volume makers.

>>> weighted_sum("1M8GDM9AXKP042788"), validate("1M8GDM9AXKP042788")
(351, '1M8GDM9AXKP042788')
>>> weighted_sum("LATPAB071W1005301"), validate("LATPAB071W1005301")
(265, 'LATPAB071W1005301')
>>> weighted_sum("LZZTEST05TA000001"), validate("LZZTEST05TA000001")
(225, 'LZZTEST05TA000001')
>>> weighted_sum("LZZTEST0XTA000009"), validate("LZZTEST0XTA000009")
(241, 'LZZTEST0XTA000009')

The check digit of all ones holds; only the table of makers refuses it.

>>> weighted_sum("11111111111111111"), check_digit("11111111111111111")
(89, '1')
>>> refusal(validate, "11111111111111111").reason
'unknown_maker'

Full-width and lower-case writing is accepted. A barred letter never becomes a digit in silence.

>>> validate(" ｌｚｚtest05ta000001 ")
'LZZTEST05TA000001'
>>> fault = refusal(validate, "LZZTESTO5TAOOOOOI")
>>> fault.reason, fault.suggestion
('character', 'LZZTEST05TA000001')

A wrong check digit suggests the right one.

>>> fault = refusal(validate, "LZZTEST06TA000001")
>>> fault.reason, fault.suggestion
('check_digit', 'LZZTEST05TA000001')
>>> refusal(validate, "LZZTEST05TA00001").reason
'length'
>>> refusal(validate, "").reason
'empty'
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache, lru_cache
from operator import mul
from typing import Final, NamedTuple

from .errors import InvalidCharacter, InvalidCheck, InvalidPart, refusal
from .table import rows
from .writing import all_digits, compact, lookalike, sized

__all__ = ["Maker", "check_digit", "compact", "is_valid", "maker", "model_year", "validate", "weighted_sum", "wmi"]

_SHAPE: Final = re.compile("[A-HJ-NPR-Z0-9]{17}")
_VALUES: Final = {str(digit): digit for digit in range(10)} | dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True)
)
_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_YEARS: Final = "ABCDEFGHJKLMNPRSTVWXY123456789"
_FIRST_YEAR: Final = 1980


class Maker(NamedTuple):
    """A row of `wmi.csv`."""

    wmi: str
    name_zh: str
    name_en: str
    country: str


@lru_cache(maxsize=16_384)
def validate(text: str) -> str:
    """Return the compact VIN, if its form, check digit, serial, year and maker are right."""
    vin = sized(text, 17)
    if not _SHAPE.fullmatch(vin):
        raise InvalidCharacter("character", lookalike(vin, is_valid))
    expected = check_digit(vin)
    if vin[8] != expected:
        raise InvalidCheck("check_digit", _if_valid(vin[:8] + expected + vin[9:]))
    _check_parts(vin)
    return vin


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None


def weighted_sum(vin: str) -> int:
    """Return the sum behind the check digit, of a VIN of the right form."""
    # Every message is checked for it, so the loop is one that Python does not run itself.
    return sum(map(mul, map(_VALUES.__getitem__, vin), _WEIGHTS))


def check_digit(vin: str) -> str:
    """Return what must stand at position 9 of a VIN of the right form."""
    return "0123456789X"[weighted_sum(vin) % 11]


def wmi(vin: str) -> str:
    """Return the maker's code in a valid VIN: three characters, or six for a low-volume maker."""
    return vin[:3] + vin[11:14] if vin[2] == "9" else vin[:3]


def maker(vin: str) -> Maker | None:
    """Who made the vehicle of a valid VIN.

    >>> maker("LRWYGCEK5TC000001").name_en
    'Tesla (Shanghai)'
    """
    return _makers().get(wmi(vin))


def model_year(text: str, manufactured: date) -> int:
    """Return the year that position 10 means for a vehicle made on that day; it may be one ahead of the calendar.

    >>> model_year("LZZTEST05TA000001", date(2026, 4, 1)), model_year("LZZTEST05TA000001", date(2025, 12, 1))
    (2026, 2026)
    >>> model_year("LATPAB071W1005301", date(1998, 6, 1)), model_year("LATPAB071W1005301", date(2028, 6, 1))
    (1998, 2028)
    """
    first = _FIRST_YEAR + _YEARS.index(validate(text)[9])
    latest = manufactured.year + 1
    if latest < first:
        raise InvalidPart("model_year")
    return latest - (latest - first) % len(_YEARS)


def _if_valid(vin: str) -> str | None:
    return vin if is_valid(vin) else None


def _check_parts(vin: str) -> None:
    if not all_digits(vin[-4:]):
        raise InvalidPart("serial")
    if vin[9] not in _YEARS:
        raise InvalidPart("model_year")
    if maker(vin) is None:
        raise InvalidPart("unknown_maker")


@cache
def _makers() -> dict[str, Maker]:
    return {code: Maker(code, *names) for code, *names in rows("wmi.csv")}
