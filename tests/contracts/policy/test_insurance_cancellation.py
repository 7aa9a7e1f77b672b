"""Ending a compulsory policy."""

from __future__ import annotations

from datetime import date

import pytest

from contracts.policy import PolicyGap, load
from contracts.policy.insurance_cancellation import Cancellation, cancellation

_START = date(2026, 5, 5)


@pytest.mark.parametrize(
    ("ground", "allowed"),
    [("DEREGISTERED", True), ("SUSPENDED", True), ("STOLEN", True), ("NOT_REGISTERED", False), ("CHANGED_MIND", False)],
)
def test_after_registration_only_the_laws_grounds_end_a_policy(ground: str, *, allowed: bool) -> None:
    """Deregistration, suspension, theft (CTPL 16)."""
    assert cancellation(load(), ground, _START, registered=True) == Cancellation(allowed, False, "CTPL-16")


def test_before_registration_the_insurer_judges() -> None:
    """No law says, so nobody but the insurer does; the pack says so."""
    assert cancellation(load(), "NOT_REGISTERED", _START, registered=False) == Cancellation(True, True, "CTPL-16")


def test_cover_that_began_before_the_pack_is_a_gap() -> None:
    """No ground is assumed."""
    with pytest.raises(PolicyGap):
        cancellation(load(), "STOLEN", date(2019, 3, 1), registered=True)
