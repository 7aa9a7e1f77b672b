"""CCC certificate number (强制性产品认证证书编号).

16 digits: four for the year, two for the certifying body, four for the product class (cars are usually 1101), six for
the serial.

Sources: W9 (shumaav.com); common knowledge for the class of cars.

>>> validate("2016010901123456")
'2016010901123456'
>>> parts("2016010901123456")
Parts(year='2016', body='01', product_class='0901', serial='123456')
>>> refusal(validate, "201601090112345").reason
'length'
>>> refusal(validate, "2O16010901123456").suggestion
'2016010901123456'
"""

from __future__ import annotations

from typing import NamedTuple

from .errors import refusal
from .writing import compact, digits

__all__ = ["Parts", "compact", "is_valid", "parts", "validate"]


class Parts(NamedTuple):
    """What the certificate number says."""

    year: str
    body: str
    product_class: str
    serial: str


def validate(text: str) -> str:
    """Return the compact number, if it is 16 digits."""
    return digits(text, 16, is_valid)


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None


def parts(text: str) -> Parts:
    """Return the parts of a valid number."""
    number = validate(text)
    return Parts(number[:4], number[4:6], number[6:10], number[10:])
