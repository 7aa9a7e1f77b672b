"""Number plates."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.numbers import plate
from contracts.numbers.errors import refusal

_FUEL_KINDS = ("BEV", "PHEV", "EREV", "FCEV", "ICE", "HEV")


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ("渝AD12345", {"BEV"}),
        ("川GK01234", {"PHEV", "EREV", "FCEV"}),
        ("沪AFA1234", {"PHEV", "EREV", "FCEV"}),
        ("京A12345D", {"BEV"}),
        ("苏D12A34", {"ICE", "HEV"}),
    ],
)
def test_a_plate_fits_the_fuel_kinds_it_is_for(text: str, fitting: set[str]) -> None:
    """Pure electric gets the D letters, other new energy the F letters, the rest fuel plates."""
    assert {kind for kind in _FUEL_KINDS if plate.kind_fits(kind, text)} == fitting


def test_later_class_letters_count_from_their_day() -> None:
    """The letters of 2021 were no plates of 2019."""
    assert plate.class_letters("BEV", date(2019, 6, 1)) == {"D"}
    assert plate.class_letters("BEV", date(2026, 6, 1)) == set("DABCE")
    assert plate.class_letters("PHEV", date(2026, 6, 1)) == set("FGHJK")
    assert not plate.kind_fits("BEV", "渝AA12345", date(2019, 6, 1))


def test_an_unknown_fuel_kind_is_no_plate_at_all() -> None:
    """Nuclear drive is not guessed to be petrol."""
    with pytest.raises(ValueError, match="fuel kind"):
        plate.class_letters("NUCLEAR")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("粤B1O345", "character"),
        ("沪AF1A234", "serial"),
        ("苏D123456", "class_letter"),
        ("苏DABC34", "serial"),
        ("京A1234警", "special_plate"),
        ("使A12345", "special_plate"),
        ("台A12345", "province"),
        ("京112345", "authority"),
        ("京OD12345", "authority"),
        ("京A1234", "length"),
        ("京AD1234A", "serial"),
    ],
)
def test_plates_are_refused_with_their_reason(text: str, reason: str) -> None:
    """Each kind of fault has its stable name."""
    fault = refusal(plate.validate, text)
    assert fault is not None
    assert fault.reason == reason


@given(st.sampled_from(plate.PROVINCES), st.sampled_from("DF"), st.from_regex("[A-HJ-NP-Z0-9][0-9]{4}", fullmatch=True))
def test_every_small_new_energy_serial_is_accepted(province: str, letter: str, serial: str) -> None:
    """Any province, class letter, letter or digit, four digits."""
    assert plate.kind(f"{province}a{letter}{serial}".lower()) is plate.PlateKind.NEV_SMALL


def test_there_are_thirty_one_provinces() -> None:
    """Every province, region and municipality of the mainland has its character, once."""
    assert len(set(plate.PROVINCES)) == len(plate.PROVINCES) == 31
