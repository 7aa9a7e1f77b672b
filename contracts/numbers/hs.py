"""HS code of a customs declaration (商品编号), ten digits.

8703.80 is passenger cars driven by batteries alone. Of its lines 8703801090 has a VIN, 8703809090 is low-speed and has
none. Which line needs an export licence is policy (`contracts.policy.export_licensing`), not form. The lines for used
cars come with the yearly tariff; public tables contradict each other, so none is written here.

Sources: W1 (Announcement 54/2025; the split at etnet.com.hk).

>>> validate("8703801090"), validate("8703809090")
('8703801090', '8703809090')
>>> refusal(validate, "870380").reason
'length'
>>> refusal(validate, "87O38O1O9O").suggestion
'8703801090'
"""

from __future__ import annotations

from .errors import refusal
from .writing import compact, digits

__all__ = ["compact", "is_valid", "validate"]


def validate(text: str) -> str:
    """Return the compact code, if it is ten digits."""
    return digits(text, 10, is_valid)


def is_valid(text: str) -> bool:
    """Whether `validate` accepts the text."""
    return refusal(validate, text) is None
