"""Vehicle and vessel tax (车船税) of the first year, which the insurer collects.

The yearly amount is the province's and comes from the insurer; which months it is owed for is statute (VVTR 19, 21).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from .money import fen, refuse_negative


def first_year(annual_fen: int, invoice_date: date) -> int:
    """Return a twelfth of the year for each month from the invoice's own to December."""
    refuse_negative(annual_fen)
    return fen(Decimal(annual_fen) * (13 - invoice_date.month) / 12)
