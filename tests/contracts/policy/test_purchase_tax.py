"""Vehicle purchase tax."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import Policies, PolicyGap, load
from contracts.policy.purchase_tax import PurchaseTax, excl_vat, last_day, late_surcharge, purchase_tax
from contracts.types import FuelKind

_NEW_ENERGY = ("BEV", "PHEV", "EREV", "FCEV")

prices = st.integers(0, 10_000_000_000)
kinds = st.sampled_from(get_args(FuelKind))
days = st.dates(date(2024, 1, 1), date(2027, 12, 31))


def _tax(
    excl_fen: int, day: date, fuel_kind: FuelKind, *, in_catalogue: bool = True, passenger: bool = True
) -> PurchaseTax:
    return purchase_tax(
        load(),
        excl_fen=excl_fen,
        invoice_date=day,
        fuel_kind=fuel_kind,
        in_catalogue=in_catalogue,
        passenger=passenger,
    )


_EXAMPLES = [
    ((113_000_00, 100_000_00), ("2026-05-10", "ICE", False), PurchaseTax(10_000_00, 0, 10_000_00, "NEV-26")),
    ((400_000_00, 353_982_30), ("2025-12-31", "BEV", True), PurchaseTax(35_398_23, 30_000_00, 5_398_23, "NEV-24")),
    ((226_000_00, 200_000_00), ("2026-01-01", "BEV", True), PurchaseTax(20_000_00, 10_000_00, 10_000_00, "NEV-26")),
    ((339_000_00, 300_000_00), ("2026-03-10", "BEV", True), PurchaseTax(30_000_00, 15_000_00, 15_000_00, "NEV-26")),
    ((452_000_00, 400_000_00), ("2026-03-10", "BEV", True), PurchaseTax(40_000_00, 15_000_00, 25_000_00, "NEV-26")),
    ((159_800_00, 141_415_93), ("2026-03-10", "PHEV", False), PurchaseTax(14_141_59, 0, 14_141_59, "NEV-26")),
]


@pytest.mark.parametrize(("prices_with_and_without", "sale", "expected"), _EXAMPLES)
def test_the_rulebooks_examples(
    prices_with_and_without: tuple[int, int], sale: tuple[str, FuelKind, bool], expected: PurchaseTax
) -> None:
    """Every worked example comes out to the fen, and names its pack."""
    incl, excl = prices_with_and_without
    day, fuel_kind, in_catalogue = sale
    assert excl_vat(incl) == excl
    assert _tax(excl, date.fromisoformat(day), fuel_kind, in_catalogue=in_catalogue) == expected


def test_no_pack_no_tax() -> None:
    """A purchase of 2028 waits for a policy; ten per cent is not assumed, not even for petrol."""
    for fuel_kind in get_args(FuelKind):
        with pytest.raises(PolicyGap):
            _tax(100_000_00, date(2028, 1, 5), fuel_kind)
    with pytest.raises(PolicyGap):
        purchase_tax(Policies([]), excl_fen=1, invoice_date=date(2026, 1, 1), fuel_kind="ICE", in_catalogue=False)


def test_the_cap_binds_passenger_cars_only() -> None:
    """A bus of the same price is relieved of the whole share."""
    assert _tax(400_000_00, date(2026, 3, 1), "BEV", passenger=False).relief == 20_000_00


@given(excl=prices, day=days, fuel_kind=kinds, in_catalogue=st.booleans(), passenger=st.booleans())
def test_tax_is_whole_and_never_negative(
    *, excl: int, day: date, fuel_kind: FuelKind, in_catalogue: bool, passenger: bool
) -> None:
    """Relief is between nothing and the tax, within the cap, and only for new energy in the catalogue."""
    tax = _tax(excl, day, fuel_kind, in_catalogue=in_catalogue, passenger=passenger)
    assert tax.payable == tax.full - tax.relief
    assert 0 <= tax.relief <= tax.full
    if passenger:
        assert tax.relief <= (30_000_00 if day.year < 2026 else 15_000_00)
    if not in_catalogue or fuel_kind not in _NEW_ENERGY:
        assert tax.relief == 0


@given(one=prices, other=prices, day=days, fuel_kind=kinds, in_catalogue=st.booleans())
def test_a_dearer_car_never_pays_less(
    *, one: int, other: int, day: date, fuel_kind: FuelKind, in_catalogue: bool
) -> None:
    """Tax grows with the price, through share and cap."""
    cheap, dear = sorted((one, other))
    lower = _tax(cheap, day, fuel_kind, in_catalogue=in_catalogue)
    higher = _tax(dear, day, fuel_kind, in_catalogue=in_catalogue)
    assert lower.full <= higher.full
    assert lower.payable <= higher.payable


@given(prices)
def test_a_price_is_its_part_without_vat_and_the_vat(incl: int) -> None:
    """Thirteen per cent put back on gives the price, within a fen."""
    assert abs(excl_vat(incl) * 113 - incl * 100) <= 113 // 2 + 1


def test_the_last_day_is_the_sixtieth() -> None:
    """An invoice of 15 January 2026 is to be declared by 16 March."""
    assert last_day(date(2026, 1, 15)) == date(2026, 3, 16)


@pytest.mark.parametrize(
    ("paid_on", "surcharge"), [("2026-01-15", 0), ("2026-03-16", 0), ("2026-03-17", 5_00), ("2026-03-27", 55_00)]
)
def test_lateness_costs_from_day_sixty_one(paid_on: str, surcharge: int) -> None:
    """0.05 % of what is payable for each day after the last."""
    assert late_surcharge(10_000_00, date(2026, 1, 15), date.fromisoformat(paid_on)) == surcharge


@given(prices, days, st.integers(0, 2000))
def test_waiting_never_gets_cheaper(payable: int, invoice_date: date, waited: int) -> None:
    """The surcharge grows from day to day and begins at nothing."""
    today = invoice_date + timedelta(days=waited)
    surcharge = late_surcharge(payable, invoice_date, today)
    assert 0 <= surcharge <= late_surcharge(payable, invoice_date, today + timedelta(days=1))
    assert waited > 60 or surcharge == 0


@pytest.mark.parametrize("wrong", [lambda: excl_vat(-1), lambda: late_surcharge(-1, date.min, date.min)])
def test_negative_money_is_refused(wrong: object) -> None:
    """A negative amount is a mistake upstream, not a refund."""
    assert callable(wrong)
    with pytest.raises(ValueError, match="negative"):
        wrong()
