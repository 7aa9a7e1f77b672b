"""How numbers are written by people, and how the standards write them."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable
from typing import Final

from .errors import InvalidCharacter, InvalidLength

LONGEST: Final = 64
"""No number is longer; longer text is not worth normalising, which can be slow for hostile input."""

# str.upper() would turn other letters into Latin ones (ß, ı); only ASCII letters have a case here.
_UPPER: Final = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_LOOKALIKES: Final = str.maketrans("OQI", "001")
_DIGITS: Final = re.compile("[0-9]+")


def compact(text: str) -> str:
    """Return the text by NFKC, trimmed, in upper case: full-width and lower-case writing is no fault."""
    trimmed = text.strip()
    if trimmed.isascii():
        return trimmed.upper()
    if len(trimmed) > LONGEST:
        return trimmed.translate(_UPPER)
    return unicodedata.normalize("NFKC", trimmed).strip().translate(_UPPER)


def sized(text: str, *lengths: int) -> str:
    """Return the compact number, if it has one of these lengths."""
    number = compact(text)
    if not number:
        raise InvalidLength("empty")
    if len(number) not in lengths:
        raise InvalidLength("length")
    return number


def digits(text: str, length: int, accepts: Callable[[str], bool]) -> str:
    """Return the compact number, if it is just so many digits; `accepts` judges the suggestion otherwise."""
    number = sized(text, length)
    if not all_digits(number):
        raise InvalidCharacter("character", lookalike(number, accepts))
    return number


def all_digits(number: str) -> bool:
    """Whether these are ASCII digits and at least one; `str.isdigit` accepts those of every script."""
    return _DIGITS.fullmatch(number) is not None


def lookalike(number: str, accepts: Callable[[str], bool]) -> str | None:
    """Return the number with O and Q read as 0 and I as 1, if that reading is accepted; for a person to confirm."""
    candidate = number.translate(_LOOKALIKES)
    return candidate if candidate != number and accepts(candidate) else None
