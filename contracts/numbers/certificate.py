"""Number of the vehicle's certificate of conformity (机动车整车出厂合格证编号): GB/T 21085-2020.

14 or 15 letters and digits, to be treated as opaque: the first four are normally the maker's code, but what makes the
number true is that MIIT holds the certificate, not its pattern.

Sources: common knowledge for the form; the standard exists.

>>> validate("LS5994237258178"), validate("ls599423725817")
('LS5994237258178', 'LS599423725817')
>>> refusal(validate, "LS59942372581").reason
'length'
>>> refusal(validate, "LS599423725817-").reason
'character'
"""

from __future__ import annotations

import re
from typing import Final

from .errors import InvalidCharacter, refusal
from .writing import compact, sized

__all__ = ["compact", "is_valid", "validate"]

_SHAPE: Final = re.compile("[A-Z0-9]+")


def validate(text: str) -> str:
    """Return the compact number, if it is 14 or 15 letters and digits."""
    number = sized(text, 14, 15)
    if not _SHAPE.fullmatch(number):
        raise InvalidCharacter("character")
    return number


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None
