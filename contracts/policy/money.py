"""Money is integer fen outside and Decimal inside."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def fen(amount: Decimal) -> int:
    """Round half up, as at every step; the law names no convention."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def refuse_negative(amount: int) -> None:
    """No price and no tax is below nothing."""
    if amount < 0:
        message = "an amount of money is negative"
        raise ValueError(message)
