"""Vehicle and vessel tax: months, bands, and what comes back."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.policy import PolicyGap, load
from contracts.policy.params import VesselTaxParams
from contracts.policy.vessel_tax import Fit, VesselTax, first_year, unused_refund, vessel_tax, vessel_tax_fits
from contracts.types import FuelKind

_JANUARY = date(2026, 1, 20)

amounts = st.integers(0, 1_000_000)
days = st.dates(date(2024, 1, 1), date(2030, 12, 31))
displacements = st.integers(100, 10_000)
burning = st.sampled_from(["ICE", "HEV"])


def _band(
    displacement: int | None = 1_500,
    *,
    fuel_kind: FuelKind = "ICE",
    in_catalogue: bool = False,
    invoice_date: date = _JANUARY,
) -> VesselTax:
    return vessel_tax(
        load(),
        invoice_date=invoice_date,
        fuel_kind=fuel_kind,
        in_catalogue=in_catalogue,
        displacement=displacement,
    )


@pytest.mark.parametrize(
    ("annual", "month", "expected"),
    [(420_00, 6, 245_00), (480_00, 11, 80_00), (480_00, 1, 480_00), (480_00, 12, 40_00), (0, 3, 0)],
)
def test_vessel_tax_is_owed_from_the_month_of_the_invoice(annual: int, month: int, expected: int) -> None:
    """The month of the invoice counts."""
    assert first_year(annual, date(2026, month, 28)) == expected


@given(amounts, days)
def test_vessel_tax_is_a_part_of_the_year(annual: int, invoice_date: date) -> None:
    """Never more than the year's."""
    assert 0 <= first_year(annual, invoice_date) <= annual


@given(amounts, st.integers(1, 11))
def test_a_later_month_never_costs_more(annual: int, month: int) -> None:
    """Month by month."""
    assert first_year(annual, date(2026, month + 1, 1)) <= first_year(annual, date(2026, month, 28))


@pytest.mark.parametrize(
    ("displacement", "least", "most"),
    [
        (1_000, 30_00, 360_00),
        (1_001, 150_00, 540_00),
        (1_600, 150_00, 540_00),
        (1_601, 360_00, 660_00),
        (2_000, 360_00, 660_00),
        (2_001, 660_00, 1_200_00),
        (2_500, 660_00, 1_200_00),
        (2_501, 1_200_00, 2_400_00),
        (3_000, 1_200_00, 2_400_00),
        (3_001, 2_400_00, 3_600_00),
        (4_000, 2_400_00, 3_600_00),
        (4_001, 3_600_00, 5_400_00),
        (8_000, 3_600_00, 5_400_00),
    ],
)
def test_a_year_lies_in_the_band_of_the_displacement(displacement: int, least: int, most: int) -> None:
    """The law's annex, both edges of each row; up to 1.6 litres an energy-saving car may owe half."""
    assert _band(displacement) == VesselTax(least, most, "VVT")


@pytest.mark.parametrize(
    ("fuel_kind", "in_catalogue", "taxed"),
    [
        ("BEV", False, False),
        ("FCEV", False, False),
        ("PHEV", True, False),
        ("EREV", True, False),
        ("PHEV", False, True),
        ("EREV", False, True),
        ("HEV", True, True),
        ("ICE", True, True),
    ],
)
def test_who_is_outside_the_tax_or_exempt_owes_nothing(fuel_kind: FuelKind, *, in_catalogue: bool, taxed: bool) -> None:
    """Not a fen is rounding where nothing is owed."""
    found = _band(fuel_kind=fuel_kind, in_catalogue=in_catalogue)
    assert (found.most > 0) is taxed
    assert found.fits(1) is False
    assert found.fits(0) is not taxed


@pytest.mark.parametrize(
    ("amount", "month", "fits"),
    [
        (245_00, 6, True),
        (315_00, 6, True),
        (315_01, 6, True),
        (315_02, 6, False),
        (87_50, 6, True),
        (87_49, 6, True),
        (87_48, 6, False),
        (540_00, 1, True),
        (540_00, 2, False),
        (0, 12, False),
    ],
)
def test_a_quoted_amount_lies_within_its_months(amount: int, month: int, *, fits: bool) -> None:
    """For a car of 1.5 litres, give or take a fen; the pack is named either way."""
    found = vessel_tax_fits(
        load(),
        amount,
        invoice_date=date(2026, month, 9),
        fuel_kind="ICE",
        in_catalogue=False,
        displacement=1_500,
    )
    assert found == Fit(fits, "VVT")


@given(displacements, days, burning, st.integers(0, 100))
def test_what_any_province_may_ask_fits(displacement: int, day: date, fuel_kind: FuelKind, percent: int) -> None:
    """Every amount of the band fits in every month, and double the most never does."""
    year = _band(displacement, fuel_kind=fuel_kind)
    asked = year.least + (year.most - year.least) * percent // 100
    band = _band(displacement, fuel_kind=fuel_kind, invoice_date=day)
    assert band.fits(first_year(asked, day))
    assert not band.fits(first_year(2 * year.most, day))


@given(displacements, displacements, days)
def test_a_larger_engine_never_costs_less(one: int, other: int, day: date) -> None:
    """The most that may be asked grows with the displacement."""
    small, large = sorted((one, other))
    assert _band(small, invoice_date=day).most <= _band(large, invoice_date=day).most


def test_a_taxed_car_without_displacement_and_a_day_without_a_pack_are_gaps() -> None:
    """Nothing is assumed of either."""
    with pytest.raises(PolicyGap) as gap:
        _band(None)
    assert gap.value.args == ("vessel-tax", _JANUARY, "no band without a displacement")
    with pytest.raises(PolicyGap):
        _band(invoice_date=date(2019, 4, 22))
    assert _band(None, fuel_kind="BEV") == VesselTax(0, 0, "VVT")


@pytest.mark.parametrize(
    ("fuel_kind", "in_catalogue", "amount", "fits"),
    [("BEV", False, 0, True), ("BEV", True, 480_00, False), ("PHEV", True, 0, True), ("PHEV", False, 0, False)],
)
def test_an_insurer_may_ask_nothing_of_a_car_outside_the_tax(
    fuel_kind: FuelKind, *, in_catalogue: bool, amount: int, fits: bool
) -> None:
    """And must ask something of one that is not."""
    found = vessel_tax_fits(
        load(),
        amount,
        invoice_date=_JANUARY,
        fuel_kind=fuel_kind,
        in_catalogue=in_catalogue,
        displacement=1_500,
    )
    assert found == Fit(fits, "VVT")


@pytest.mark.parametrize(
    ("paid", "owed_from", "ended_on", "back"),
    [
        (480_00, "2026-01-01", "2026-07-31", 240_00),
        (480_00, "2026-01-01", "2026-01-02", 480_00),
        (480_00, "2026-01-01", "2026-12-31", 40_00),
        (245_00, "2026-06-10", "2026-06-30", 245_00),
        (245_00, "2026-06-10", "2026-10-01", 105_00),
        (245_00, "2026-06-10", "2027-01-01", 0),
    ],
)
def test_the_months_that_a_car_is_gone_are_paid_back(paid: int, owed_from: str, ended_on: str, back: int) -> None:
    """From the month in which it went to December (VVTR 19)."""
    assert unused_refund(paid, date.fromisoformat(owed_from), date.fromisoformat(ended_on)) == back


@given(amounts, st.lists(days, min_size=3, max_size=3))
def test_what_comes_back_is_part_of_what_was_paid(paid: int, drawn: list[date]) -> None:
    """Never above it, never below nothing, all of it in the first month, and never more for a car gone later."""
    start, earlier, later = sorted(drawn)
    assert unused_refund(paid, start, start) == paid
    assert 0 <= unused_refund(paid, start, later) <= unused_refund(paid, start, earlier) <= paid


@pytest.mark.parametrize("kind", get_args(FuelKind))
def test_every_fuel_kind_has_an_answer(kind: FuelKind) -> None:
    """Whatever is sold."""
    assert _band(fuel_kind=kind).pack == "VVT"


def test_money_and_days_that_cannot_be_are_refused() -> None:
    """Mistakes upstream."""
    with pytest.raises(ValueError, match="negative"):
        first_year(-1, _JANUARY)
    with pytest.raises(ValueError, match="negative"):
        unused_refund(-1, _JANUARY, _JANUARY)
    with pytest.raises(ValueError, match="gone before"):
        unused_refund(1, _JANUARY, date(2026, 1, 19))


@pytest.mark.parametrize(
    "bands",
    [
        [],
        [{"up_to_ml": 1_000, "least_fen": 1, "most_fen": 2}],
        [{"least_fen": 2, "most_fen": 1}],
        [{"least_fen": 1, "most_fen": 2}, {"least_fen": 1, "most_fen": 2}],
        [
            {"up_to_ml": 2_000, "least_fen": 1, "most_fen": 2},
            {"up_to_ml": 1_000, "least_fen": 1, "most_fen": 2},
            {"least_fen": 1, "most_fen": 2},
        ],
    ],
    ids=["none", "an upper end", "least above most", "no order", "falling"],
)
def test_bands_rise_to_no_end(bands: list[dict[str, int]]) -> None:
    """So that every displacement is in one of them."""
    rules = load().pack_for("vessel-tax", _JANUARY).params.model_dump()
    with pytest.raises(ValidationError):
        VesselTaxParams.model_validate(rules | {"bands": bands})
