"""USCC, unified social credit code (统一社会信用代码): GB 32100-2015.

18 characters of `0123456789ABCDEFGHJKLMNPQRTUWXY` (no I, O, S, V, Z): 1 the registry, 2 the class of entity (both may
be letters), 3-8 the administrative division (digits), 9-17 the organisation code, 18 the check.

The check is index `(31 - sum mod 31) mod 31` of the alphabet with weights `3^(i-1) mod 31`; remainder 0 gives `0`.
The organisation code has its own check at position 17 (GB 11714): weights 3 7 9 10 5 8 4 2 over 9-16,
`11 - sum mod 11`, with 10 written X and 11 written 0.

Sources: SN (python-stdnum, as a cross-check only: it refuses letters at positions 1 and 2, which the standard admits),
and computation.

>>> weighted_sum("91110000600037341L"), validate("91110000600037341L")
(538, '91110000600037341L')
>>> weighted_sum("914403001922038216"), validate("914403001922038216")
(831, '914403001922038216')
>>> weighted_sum("9144030071526726XG"), validate("9144030071526726XG")
(1782, '9144030071526726XG')
>>> fault = refusal(validate, "911100001000013428")
>>> weighted_sum("911100001000013428"), fault.reason, fault.suggestion
(298, 'check_digit', '91110000100001342C')

>>> fault = refusal(validate, "9111OOOO600037341L")
>>> fault.reason, fault.suggestion
('character', '91110000600037341L')
>>> refusal(validate, "91110000600037351L").reason
'organisation_check'
>>> refusal(validate, "91A10000600037341L").reason
'division'
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from .errors import InvalidCharacter, InvalidCheck, InvalidPart, refusal
from .writing import all_digits, compact, lookalike, sized

__all__ = ["check_digit", "compact", "is_valid", "organisation_check", "validate", "weighted_sum"]

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_SHAPE: Final = re.compile(f"[{_ALPHABET}]{{18}}")
_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


@lru_cache(maxsize=4_096)
def validate(text: str) -> str:
    """Return the compact code, if its form, division and both checks are right."""
    code = sized(text, 18)
    if not _SHAPE.fullmatch(code):
        raise InvalidCharacter("character", lookalike(code, is_valid))
    if not all_digits(code[2:8]):
        raise InvalidPart("division")
    if code[16] != organisation_check(code):
        raise InvalidCheck("organisation_check")
    expected = check_digit(code)
    if code[17] != expected:
        raise InvalidCheck("check_digit", code[:17] + expected)
    return code


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None


def weighted_sum(code: str) -> int:
    """Return the sum behind the check, of a code of the right form."""
    return sum(_ALPHABET.index(character) * weight for character, weight in zip(code[:17], _WEIGHTS, strict=True))


def check_digit(code: str) -> str:
    """Return what must stand at position 18 of a code of the right form."""
    return _ALPHABET[-weighted_sum(code) % 31]


def organisation_check(code: str) -> str:
    """Return what must stand at position 17 of a code of the right form."""
    # GB 11714 values letters without gaps (A is 10, Z is 35), unlike the alphabet above.
    total = sum(
        int(character, 36) * weight for character, weight in zip(code[8:16], _ORGANISATION_WEIGHTS, strict=True)
    )
    return "0123456789X"[-total % 11]
