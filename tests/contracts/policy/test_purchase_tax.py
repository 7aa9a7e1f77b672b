"""Vehicle purchase tax."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import Pack, Policies, PolicyGap, load
from contracts.policy.anniversary import full_years, years_after
from contracts.policy.calendar import WorkingCalendar
from contracts.policy.purchase_tax import (
    PurchaseTax,
    Refund,
    excl_vat,
    last_day,
    late_surcharge,
    overpaid,
    purchase_tax,
    reclaim_until,
    return_refund,
)
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
    """A bus of the same price is relieved of the whole share; a car is one unless somebody says otherwise."""
    day = date(2026, 3, 1)
    assert _tax(400_000_00, day, "BEV", passenger=False).relief == 20_000_00
    car = purchase_tax(load(), excl_fen=400_000_00, invoice_date=day, fuel_kind="BEV", in_catalogue=True)
    assert car.relief == 15_000_00


@given(excl=prices, day=days, fuel_kind=kinds, in_catalogue=st.booleans(), passenger=st.booleans())
def test_tax_is_whole_and_never_negative(
    *, excl: int, day: date, fuel_kind: FuelKind, in_catalogue: bool, passenger: bool
) -> None:
    """Relief is between nothing and the tax, within the cap, and only for new energy in the catalogue."""
    tax = _tax(excl, day, fuel_kind, in_catalogue=in_catalogue, passenger=passenger)
    assert tax.payable == tax.full - tax.relief
    assert 0 <= tax.relief <= tax.full
    if day.year >= 2026:
        assert tax.relief * 2 <= tax.full + 1  # half of an odd fen is rounded up
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
    assert last_day(load(), date(2026, 1, 15)) == date(2026, 3, 16)


@pytest.mark.parametrize(
    ("paid_on", "surcharge"), [("2026-01-15", 0), ("2026-03-16", 0), ("2026-03-17", 5_00), ("2026-03-27", 55_00)]
)
def test_lateness_costs_from_day_sixty_one(paid_on: str, surcharge: int) -> None:
    """0.05 % of what is payable for each day after the last."""
    assert late_surcharge(load(), 10_000_00, date(2026, 1, 15), date.fromisoformat(paid_on)) == surcharge


@given(prices, days, st.integers(0, 2000))
def test_waiting_never_gets_cheaper(payable: int, invoice_date: date, waited: int) -> None:
    """The surcharge grows from day to day and begins at nothing."""
    today = invoice_date + timedelta(days=waited)
    surcharge = late_surcharge(load(), payable, invoice_date, today)
    assert 0 <= surcharge <= late_surcharge(load(), payable, invoice_date, today + timedelta(days=1))
    assert waited > 60 or surcharge == 0


def _with(pack_id: str, **params: object) -> Policies:
    """The shipped packs, one with other parameters."""
    packs = {pack.id: pack.model_dump() for pack in load().packs}
    packs[pack_id]["params"] |= params
    return Policies(Pack.model_validate(pack) for pack in packs.values())


def _swap_car(policies: Policies, battery_excl: int) -> int:
    sale = {"excl_fen": 150_000_00, "invoice_date": date(2026, 3, 1), "battery_excl": battery_excl}
    return purchase_tax(policies, **sale, fuel_kind="BEV", in_catalogue=True).full  # type: ignore[arg-type]


def test_a_battery_with_its_own_invoice_is_not_taxed_with_its_car() -> None:
    """The base is the car's alone; a pack that says otherwise taxes both."""
    assert _swap_car(load(), 50_000_00) == _swap_car(load(), 0) == 15_000_00
    assert _swap_car(_with("NEV-26", separate_battery_excluded=False), 50_000_00) == 20_000_00


@given(prices, prices)
def test_a_battery_never_makes_a_car_cheaper(car: int, battery: int) -> None:
    """Excluded it changes nothing; included it is as if car and battery were one price."""
    both = _with("NEV-26", separate_battery_excluded=False)
    day = date(2026, 3, 1)
    apart = purchase_tax(both, excl_fen=car, invoice_date=day, fuel_kind="BEV", in_catalogue=True, battery_excl=battery)
    assert apart == purchase_tax(both, excl_fen=car + battery, invoice_date=day, fuel_kind="BEV", in_catalogue=True)


@pytest.mark.parametrize(
    ("invoice_date", "as_law", "rolled"),
    [
        ("2026-01-15", "2026-03-16", "2026-03-16"),
        ("2025-12-18", "2026-02-16", "2026-02-24"),
        ("2025-12-16", "2026-02-14", "2026-02-14"),
        ("2026-09-20", "2026-11-19", "2026-11-19"),
        ("2026-09-22", "2026-11-21", "2026-11-23"),
    ],
    ids=["a Monday", "New Year's Eve", "a make-up Saturday", "a Thursday", "a Saturday"],
)
def test_a_pack_may_let_a_holiday_move_the_last_day(invoice_date: str, as_law: str, rolled: str) -> None:
    """To the next working day; as shipped it stands."""
    day = date.fromisoformat(invoice_date)
    rolling = _with("PTL-2019", roll_over_holidays=True)
    assert last_day(load(), day) == date.fromisoformat(as_law)
    assert last_day(rolling, day) == date.fromisoformat(rolled)
    assert late_surcharge(rolling, 10_000_00, day, date.fromisoformat(rolled)) == 0


@given(days)
def test_a_rolled_last_day_is_worked_and_never_earlier(invoice_date: date) -> None:
    """Nobody loses a day by it."""
    rolling = _with("PTL-2019", roll_over_holidays=True)
    rolled = last_day(rolling, invoice_date)
    assert rolled >= last_day(load(), invoice_date)
    assert WorkingCalendar.of(rolling).is_working(rolled)


@pytest.mark.parametrize(
    ("change", "last", "surcharge"),
    [
        ({}, "2026-03-16", 5_00),
        ({"declare_within_days": 30}, "2026-02-14", 155_00),
        ({"late_share_a_day": "0.001"}, "2026-03-16", 10_00),
    ],
)
def test_terms_are_the_packs(change: dict[str, object], last: str, surcharge: int) -> None:
    """A change of the law is a change of a file."""
    policies = _with("PTL-2019", **change)
    day = date(2026, 1, 15)
    assert last_day(policies, day) == date.fromisoformat(last)
    assert late_surcharge(policies, 10_000_00, day, date(2026, 3, 17)) == surcharge


def test_before_the_law_no_term_is_known() -> None:
    """The law began on 1 July 2019."""
    for ask in (
        lambda day: last_day(load(), day),
        lambda day: reclaim_until(load(), day, invoice_date=day),
        lambda day: return_refund(load(), 1, day, day, invoice_date=day),
    ):
        with pytest.raises(PolicyGap):
            ask(date(2019, 6, 30))
        ask(date(2019, 7, 1))


def test_what_was_paid_beyond_what_was_owed_can_be_asked_back() -> None:
    """Nothing where too little was paid."""
    assert [overpaid(paid, 10_000_00) for paid in (10_000_00, 10_000_01, 15_000_00, 9_999_99, 0)] == [
        0,
        1,
        5_000_00,
        0,
        0,
    ]


@given(prices, prices)
def test_what_is_asked_back_is_never_more_than_what_was_paid(paid: int, owed: int) -> None:
    """And what remains is never more than what was owed."""
    back = overpaid(paid, owed)
    assert 0 <= back <= paid
    assert paid - back == min(paid, owed)


@pytest.mark.parametrize(
    ("paid_on", "until"), [("2026-05-05", "2029-05-05"), ("2024-02-29", "2027-02-28"), ("2025-12-31", "2028-12-31")]
)
def test_an_overpayment_can_be_asked_back_for_three_years(paid_on: str, until: str) -> None:
    """From the day of payment (TCL 51)."""
    day = date.fromisoformat(paid_on)
    assert reclaim_until(load(), day, invoice_date=day) == date.fromisoformat(until)


def test_what_comes_back_is_the_law_of_the_invoices_day() -> None:
    """Bought on the last day of one law and paid under the next: the first says what comes back, and until when."""
    law = next(pack for pack in load().packs if pack.id == "PTL-2019")
    old = law.entries | {"status": "SUPERSEDED", "effective_to": "2026-06-30"}
    new = law.entries | {"id": "PTL-NEXT", "supersedes": "PTL-2019", "effective_from": "2026-07-01"}
    params = law.entries["params"] | {"return_less_share_a_year": "0.20", "reclaim_within_years": 5}
    laws = ({key: value for key, value in law.items() if key != "rule"} for law in (old, new | {"params": params}))
    others = (pack for pack in load().packs if pack.id != "PTL-2019")
    policies = Policies([*others, *(Pack.model_validate(law, strict=False) for law in laws)])
    paid_on, asked_on = date(2026, 7, 1), date(2027, 7, 1)
    for bought_on, refund, until in (
        (date(2026, 6, 30), Refund(9_000_00, "PTL-2019"), 2029),
        (date(2026, 7, 1), Refund(8_000_00, "PTL-NEXT"), 2031),
    ):
        assert return_refund(policies, 10_000_00, paid_on, asked_on, invoice_date=bought_on) == refund
        assert reclaim_until(policies, paid_on, invoice_date=bought_on).year == until


@pytest.mark.parametrize(
    ("paid_on", "asked_on", "refund"),
    [
        ("2026-03-10", "2026-03-10", 10_000_00),
        ("2026-03-10", "2027-03-09", 10_000_00),
        ("2026-03-10", "2027-03-10", 9_000_00),
        ("2026-03-10", "2029-03-09", 8_000_00),
        ("2026-03-10", "2029-03-10", 7_000_00),
        ("2024-02-29", "2025-02-28", 9_000_00),
        ("2026-03-10", "2035-03-10", 1_000_00),
        ("2026-03-10", "2036-03-10", 0),
        ("2026-03-10", "2046-03-10", 0),
    ],
)
def test_a_returned_car_gives_back_less_for_each_full_year(paid_on: str, asked_on: str, refund: int) -> None:
    """Ten per cent a year, the pack named; after ten years nothing, and never less than nothing (PTL 15)."""
    day = date.fromisoformat(paid_on)
    found = return_refund(load(), 10_000_00, day, date.fromisoformat(asked_on), invoice_date=day)
    assert found == Refund(refund, "PTL-2019")


@given(prices, days, st.integers(0, 6000), st.integers(0, 400))
def test_a_refund_is_part_of_what_was_paid_and_shrinks(paid: int, paid_on: date, waited: int, more: int) -> None:
    """Never above it, never below nothing, never more for asking later."""
    asked_on = paid_on + timedelta(days=waited)
    refund = return_refund(load(), paid, paid_on, asked_on, invoice_date=paid_on).fen
    later = return_refund(load(), paid, paid_on, asked_on + timedelta(days=more), invoice_date=paid_on).fen
    assert 0 <= later <= refund <= paid


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(0, 30))
def test_a_year_is_full_on_its_anniversary_and_not_a_day_before(day: date, years: int) -> None:
    """Whatever February says."""
    end = years_after(day, years)
    assert full_years(day, end) == years
    assert full_years(day, end - timedelta(days=1)) == max(years - 1, 0)


@given(prices, days, kinds, st.booleans())
def test_one_fen_of_price_moves_the_tax_by_one_fen_at_most(
    excl: int,
    day: date,
    fuel_kind: FuelKind,
    in_catalogue: bool,  # noqa: FBT001 - drawn
) -> None:
    """So that an office that rounds the price otherwise still differs by one fen only."""
    one = _tax(excl, day, fuel_kind, in_catalogue=in_catalogue)
    other = _tax(excl + 1, day, fuel_kind, in_catalogue=in_catalogue)
    assert 0 <= other.full - one.full <= 1
    assert 0 <= other.payable - one.payable <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: excl_vat(-1),
        lambda: late_surcharge(load(), -1, date.min, date.min),
        lambda: overpaid(-1, 0),
        lambda: overpaid(0, -1),
        lambda: return_refund(load(), -1, date.min, date.min, invoice_date=date.min),
        lambda: purchase_tax(
            load(), excl_fen=1, battery_excl=-1, invoice_date=date.min, fuel_kind="BEV", in_catalogue=True
        ),
    ],
)
def test_negative_money_is_refused(wrong: object) -> None:
    """A negative amount is a mistake upstream, not a refund."""
    assert callable(wrong)
    with pytest.raises(ValueError, match="negative"):
        wrong()
