"""Licences for exported cars."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.numbers.errors import InvalidNumber
from contracts.policy import PolicyGap, load
from contracts.policy.export_licensing import LicenceNeed, licence_required

_START = date(2026, 1, 1)


@pytest.mark.parametrize(("hs_code", "required"), [("8703801090", True), ("8703809090", False), ("8703234110", False)])
def test_new_battery_electric_cars_with_a_vin_need_one(*, hs_code: str, required: bool) -> None:
    """Low-speed cars are not caught, and the pack is silent on other headings."""
    assert licence_required(load(), hs_code, _START) == LicenceNeed(required, "EXP-BEV-54/2025")


def test_before_the_pack_there_is_a_gap() -> None:
    """What held in 2025 is not in any pack, so nobody guesses."""
    with pytest.raises(PolicyGap):
        licence_required(load(), "8703801090", _START - timedelta(days=1))


def test_an_unlisted_line_of_the_heading_is_a_gap() -> None:
    """Public tables contradict each other about the other lines."""
    with pytest.raises(PolicyGap) as gap:
        licence_required(load(), "8703801010", _START)
    assert gap.value.args == ("export-licence-new", _START, "this line of the heading is not listed")


@given(st.text(alphabet="0123456789", min_size=10, max_size=10), st.dates(date(2024, 3, 1), date(2040, 1, 1)))
def test_every_used_car_needs_one(hs_code: str, applied_on: date) -> None:
    """From March 2024 on, whatever its line."""
    assert licence_required(load(), hs_code, applied_on, "used") == LicenceNeed(True, "EXP-USED-6/2024")


def test_a_broken_code_is_refused_as_a_number() -> None:
    """The form is judged before the policy."""
    with pytest.raises(InvalidNumber):
        licence_required(load(), "87038010", _START)
