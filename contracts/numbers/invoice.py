"""Number of the vehicle sales invoice (机动车销售统一发票号码).

20 digits: two for the year, two for the region, one for the channel, fifteen for the serial. Invoices from before the
digital ones came on 2024-12-01 have a code of 12 digits and a number of 8; written together they pass here too, and
`parts` means nothing for them.

Sources: W9 (kuaisou.com); common knowledge for the date.

>>> validate("26322000000012345678")
'26322000000012345678'
>>> parts("26322000000012345678")
Parts(year='26', region='32', channel='2', serial='000000012345678')
>>> refusal(validate, "2632200000001234567").reason
'length'
>>> refusal(validate, "2632200000OO12345678").suggestion
'26322000000012345678'
"""

from __future__ import annotations

from typing import NamedTuple

from .errors import refusal
from .writing import compact, digits

__all__ = ["Parts", "compact", "is_valid", "parts", "validate"]


class Parts(NamedTuple):
    """What the number of a digital invoice says."""

    year: str
    region: str
    channel: str
    serial: str


def validate(text: str) -> str:
    """Return the compact number, if it is 20 digits."""
    return digits(text, 20, is_valid)


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None


def parts(text: str) -> Parts:
    """Return the parts of a valid number of a digital invoice."""
    number = validate(text)
    return Parts(number[:2], number[2:4], number[4], number[5:])
