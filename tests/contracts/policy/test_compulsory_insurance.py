"""Premium of the compulsory insurance, and the vessel tax that comes with it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.numbers import plate
from contracts.policy import Pack, Policies, PolicyGap, load
from contracts.policy.compulsory_insurance import Premium, is_one_year, limits, premium
from contracts.policy.params import CompulsoryInsuranceParams

_DAY = date(2026, 5, 1)
_PACK = load().pack_for("compulsory-insurance", _DAY)
_RULES = _PACK.params_as(CompulsoryInsuranceParams)
_PROVINCES = sorted(province for scheme in _RULES.schemes for province in scheme.provinces)


@pytest.mark.parametrize(("seats", "expected"), [(2, 950_00), (5, 950_00), (6, 1_100_00), (7, 1_100_00)])
def test_a_new_car_pays_the_base(seats: int, expected: int) -> None:
    """By seats, and the pack is named."""
    assert premium(load(), seats, _DAY) == Premium(expected, "CTPL-2020")


@pytest.mark.parametrize(
    ("start", "end", "lasts"),
    [
        ("2026-05-05", "2027-05-04", True),
        ("2026-05-05", "2027-05-05", True),
        ("2026-05-05", "2027-05-03", False),
        ("2026-05-05", "2027-05-06", False),
        ("2026-05-05", "2026-05-06", False),
        ("2028-02-29", "2029-02-28", True),
        ("2028-02-29", "2029-03-01", False),
        ("2027-03-01", "2028-02-29", True),
    ],
)
def test_cover_lasts_a_year(start: str, end: str, *, lasts: bool) -> None:
    """Until its last day or the moment after it, whatever February says (CTPL 20)."""
    assert is_one_year(date.fromisoformat(start), date.fromisoformat(end)) is lasts


@pytest.mark.parametrize(
    ("region", "clean_years", "expected"),
    [
        ("310115", 1, 855_00),
        ("310115", 3, 665_00),
        ("310115", 9, 665_00),
        ("150102", 3, 475_00),
        ("610113", 2, 617_50),
        ("220104", 2, 665_00),
        ("110105", 1, 807_50),
    ],
)
def test_clean_years_are_cheaper_by_province(region: str, clean_years: int, expected: int) -> None:
    """The five schemes, with the rulebook's examples."""
    assert premium(load(), 5, _DAY, clean_years, region=region).premium_fen == expected


@pytest.mark.parametrize(
    ("at_fault", "fatal", "expected"), [(1, False, 950_00), (2, False, 1_045_00), (1, True, 1_235_00)]
)
def test_accidents_void_clean_years(*, at_fault: int, fatal: bool, expected: int) -> None:
    """One costs the discount, two ten per cent, a fatal one thirty."""
    after = premium(load(), 5, _DAY, 3, region="310115", at_fault=at_fault, fatal=fatal)
    assert after.premium_fen == expected


@pytest.mark.parametrize(
    ("at_fault", "expected"), [(True, (180_000_00, 18_000_00, 2_000_00)), (False, (18_000_00, 1_800_00, 100_00))]
)
def test_an_accident_pays_up_to_its_limits(*, at_fault: bool, expected: tuple[int, int, int]) -> None:
    """Death, medical, property: 200,000 yuan together, a tenth and less for an insured who is not at fault."""
    found = limits(load(), date(2020, 9, 19), at_fault=at_fault)
    assert (found.death_fen, found.medical_fen, found.property_fen) == expected


def test_an_accident_before_the_limits_of_2020_is_a_gap() -> None:
    """Its own day decides, whatever the policy's."""
    with pytest.raises(PolicyGap):
        limits(load(), date(2020, 9, 18), at_fault=True)


_SCHEMES = {
    "A": ({"15", "46", "63", "54"}, (665_00, 570_00, 475_00)),
    "B": ({"61", "53", "45"}, (712_50, 617_50, 522_50)),
    "C": ({"62", "22", "14", "23", "65"}, (760_00, 665_00, 570_00)),
    "D": ({"11", "12", "13", "64"}, (807_50, 712_50, 617_50)),
    "E": (set[str](), (855_00, 760_00, 665_00)),
}


@pytest.mark.parametrize("province", _PROVINCES)
@pytest.mark.parametrize("years", [1, 2, 3])
def test_every_province_floats_by_its_scheme(province: str, years: int) -> None:
    """Five schemes, three steps, to the fen; what no other scheme names is in the last."""
    named = (after for provinces, after in _SCHEMES.values() if province in provinces)
    expected = next(named, _SCHEMES["E"][1])[years - 1]
    assert premium(load(), 5, _DAY, years, region=f"{province}0100").premium_fen == expected


def test_every_province_has_one_scheme() -> None:
    """The thirty-one provinces that have plates have a float."""
    assert len(_PROVINCES) == len(set(_PROVINCES)) == len(plate.PROVINCES)


def test_clean_years_without_a_region_are_a_gap() -> None:
    """No scheme is assumed; nor is one where there is none."""
    for region in (None, "710000"):
        with pytest.raises(PolicyGap) as gap:
            premium(load(), 5, _DAY, 1, region=region)
        assert gap.value.args == ("compulsory-insurance", _DAY, "no float scheme for this region")


def test_seats_without_a_base_premium_are_a_gap() -> None:
    """A pack that forgets a row prices nobody of that row."""
    pack = _PACK.model_dump()
    five = Pack.model_validate(pack | {"params": pack["params"] | {"base": pack["params"]["base"][:1]}})
    assert premium(Policies([five]), 5, _DAY).premium_fen == 950_00
    with pytest.raises(PolicyGap) as gap:
        premium(Policies([five]), 6, _DAY)
    assert gap.value.args == ("compulsory-insurance", _DAY, "no base premium for these seats")


def test_cover_before_the_pack_is_a_gap() -> None:
    """The limits of 2020 say nothing about 19 days before."""
    with pytest.raises(PolicyGap):
        premium(load(), 5, date(2020, 9, 18))
    assert premium(load(), 5, date(2020, 9, 19)).pack == "CTPL-2020"


@pytest.mark.parametrize(("seats", "clean_years", "at_fault"), [(0, 0, 0), (5, -1, 0), (5, 0, -1)])
def test_counts_are_counts(seats: int, clean_years: int, at_fault: int) -> None:
    """A car without seats is a mistake upstream."""
    with pytest.raises(ValueError, match="counts"):
        premium(load(), seats, _DAY, clean_years, at_fault=at_fault)


@given(
    seats=st.integers(1, 9),
    clean=st.integers(0, 40),
    province=st.sampled_from(_PROVINCES),
    at_fault=st.integers(0, 5),
    fatal=st.booleans(),
)
def test_premiums_stay_within_the_float(*, seats: int, clean: int, province: str, at_fault: int, fatal: bool) -> None:
    """Never below half nor above 1.3 times the base, and another clean year never costs more."""
    base = premium(load(), seats, _DAY).premium_fen
    here = f"{province}0100"
    now = premium(load(), seats, _DAY, clean, region=here, at_fault=at_fault, fatal=fatal).premium_fen
    later = premium(load(), seats, _DAY, clean + 1, region=here, at_fault=at_fault, fatal=fatal).premium_fen
    assert base * 5 <= now * 10 <= base * 13
    assert later <= now
