"""Rounding: half a fen goes up, at every step; no law names a convention, and this one is ours."""

from __future__ import annotations

from decimal import Decimal

import pytest

from contracts.policy.money import fen, refuse_negative


@pytest.mark.parametrize(
    ("amount", "rounded"), [("0.49", 0), ("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.4999", 2), ("1413.585", 1414)]
)
def test_half_a_fen_goes_up_whatever_it_is_half_of(amount: str, rounded: int) -> None:
    """Not to the even neighbour, as decimals do by themselves."""
    assert fen(Decimal(amount)) == rounded


def test_no_amount_is_below_nothing() -> None:
    """Nothing itself is an amount."""
    refuse_negative(0)
    with pytest.raises(ValueError, match="negative"):
        refuse_negative(-1)
