"""Number plate (机动车号牌): GA 36.

One character for the province, a letter for the authority, a serial without I and O:

* FUEL, also for ordinary hybrids: five letters and digits, of which at most two are letters.
* NEV_SMALL: class letter, a letter or digit, four digits.
* NEV_LARGE: five digits, class letter.

Class letters: D for pure electric, F for other new-energy vehicles; since about 2021 also A B C E beside D, and
G H J K beside F. They stand with their dates in `plate_letters.csv`. Plates that end in 挂 学 警 港 澳 使 领 are kinds
of their own and never accepted here.

Sources: W9 (yuyouke.com; public validators for the letters of 2021); common knowledge for the two letters.

>>> kind("苏D12A34")
<PlateKind.FUEL: 'FUEL'>
>>> fault = refusal(validate, "粤B1O345")
>>> fault.reason, fault.suggestion
('character', '粤B10345')

>>> kind("渝AD12345"), kind("沪AFA1234"), kind("川GK01234")
(<PlateKind.NEV_SMALL: 'NEV_SMALL'>, <PlateKind.NEV_SMALL: 'NEV_SMALL'>, <PlateKind.NEV_SMALL: 'NEV_SMALL'>)
>>> refusal(validate, "沪AF1A234").reason
'serial'

>>> kind("京A12345D")
<PlateKind.NEV_LARGE: 'NEV_LARGE'>
>>> refusal(validate, "苏D123456").reason
'class_letter'

>>> refusal(validate, "京A1234警").reason
'special_plate'
>>> refusal(validate, "苏DABC34").reason
'serial'
>>> kind_fits("BEV", "渝AD12345"), kind_fits("PHEV", "渝AD12345"), kind_fits("HEV", "苏D12A34")
(True, False, True)
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from .errors import InvalidCharacter, InvalidPart, refusal
from .table import rows
from .writing import compact, lookalike, sized

__all__ = ["PlateKind", "class_letters", "compact", "is_valid", "kind", "kind_fits", "validate"]

PROVINCES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
MOST_LETTERS: Final = 2
_SPECIAL: Final = "挂学警港澳使领"
_POWERS: Final = {"BEV": "electric", "PHEV": "other", "EREV": "other", "FCEV": "other"}
_NEW_ENERGY_SERIAL: Final = 6
_FUEL_PLATE: Final = frozenset({"ICE", "HEV"})
_SMALL: Final = re.compile("[A-HJ-NP-Z][A-HJ-NP-Z0-9][0-9]{4}")
_LARGE: Final = re.compile("[0-9]{5}[A-HJ-NP-Z]")
_SERIAL: Final = re.compile("[A-HJ-NP-Z0-9]+")
_AUTHORITY: Final = re.compile("[A-HJ-NP-Z]")


class PlateKind(StrEnum):
    """Which pattern a plate follows."""

    FUEL = "FUEL"
    NEV_SMALL = "NEV_SMALL"
    NEV_LARGE = "NEV_LARGE"


class _ClassLetter(NamedTuple):
    letter: str
    power: str
    since: date


def validate(text: str) -> str:
    """Return the compact plate, if it is of one of the three kinds."""
    plate = sized(text, 7, 8)
    _kind(plate)
    return plate


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None


def kind(text: str) -> PlateKind:
    """Return the kind of a valid plate."""
    return _kind(validate(text))


def kind_fits(fuel_kind: str, text: str, on: date | None = None) -> bool:
    """Whether a vehicle of that fuel kind may carry the plate, given out on that day.

    Without a day every class letter known so far counts. An unknown fuel kind raises ValueError.
    """
    plate = validate(text)
    allowed = class_letters(fuel_kind, on)
    return _kind(plate) is PlateKind.FUEL if not allowed else _class_letter(plate) in allowed


def class_letters(fuel_kind: str, on: date | None = None) -> frozenset[str]:
    """Return the class letters a vehicle of that fuel kind may get; none means a fuel plate."""
    if fuel_kind in _FUEL_PLATE:
        return frozenset()
    if fuel_kind not in _POWERS:
        message = "unknown fuel kind"
        raise ValueError(message)
    return frozenset(
        row.letter for row in _letters() if row.power == _POWERS[fuel_kind] and (on is None or row.since <= on)
    )


def _kind(plate: str) -> PlateKind:
    _check_place(plate)
    serial = plate[2:]
    if not _SERIAL.fullmatch(serial):
        raise InvalidCharacter("character", lookalike(plate, is_valid))
    return _new_energy(serial) if len(serial) == _NEW_ENERGY_SERIAL else _fuel(serial)


def _check_place(plate: str) -> None:
    if plate[-1] in _SPECIAL or plate[0] in _SPECIAL:
        raise InvalidPart("special_plate")
    if plate[0] not in PROVINCES:
        raise InvalidPart("province")
    if not _AUTHORITY.fullmatch(plate[1]):
        raise InvalidPart("authority")


def _fuel(serial: str) -> PlateKind:
    if sum(character.isalpha() for character in serial) > MOST_LETTERS:
        raise InvalidPart("serial")
    return PlateKind.FUEL


def _new_energy(serial: str) -> PlateKind:
    known = {row.letter for row in _letters()}
    if not known & {serial[0], serial[-1]}:
        raise InvalidPart("class_letter")
    if serial[0] in known and _SMALL.fullmatch(serial):
        return PlateKind.NEV_SMALL
    if serial[-1] in known and _LARGE.fullmatch(serial):
        return PlateKind.NEV_LARGE
    raise InvalidPart("serial")


def _class_letter(plate: str) -> str | None:
    match _kind(plate):
        case PlateKind.NEV_SMALL:
            return plate[2]
        case PlateKind.NEV_LARGE:
            return plate[-1]
        case PlateKind.FUEL:
            return None


@cache
def _letters() -> tuple[_ClassLetter, ...]:
    return tuple(
        _ClassLetter(letter, power, date.fromisoformat(since)) for letter, power, since in rows("plate_letters.csv")
    )
