"""Vehicle identification numbers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.numbers import vin
from contracts.numbers.errors import InvalidPart, refusal

_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_YEARS = "ABCDEFGHJKLMNPRSTVWXY123456789"
_SHARED_VALUES = ("AJ1", "BKS2", "CLT3", "DMU4", "ENV5", "FW6", "GPX7", "HY8", "RZ9", "0")
_MAKERS = ("LSV", "LSG", "LVG", "LFV", "LGX", "LB3", "LS5", "L6T", "LMG", "LRW", "LAT", "LZZ", "1M8", "HJ4")


@st.composite
def vins(draw: st.DrawFn) -> str:
    """Valid VINs of makers in the table."""
    descriptor = draw(st.text(alphabet=_LETTERS, min_size=5, max_size=5))
    tail = draw(st.sampled_from(_YEARS)) + draw(st.text(alphabet=_LETTERS, min_size=3, max_size=3))
    serial = draw(st.text(alphabet="0123456789", min_size=4, max_size=4))
    drawn = draw(st.sampled_from(_MAKERS)) + descriptor + "0" + tail + serial
    return drawn[:8] + vin.check_digit(drawn) + drawn[9:]


def _blind(old: str, new: str) -> bool:
    return any(old in group and new in group for group in _SHARED_VALUES)


@given(vins())
def test_what_is_built_by_the_standard_is_accepted(number: str) -> None:
    """A known maker, a right check digit, a serial of digits: valid in any case or width."""
    wide = "".join(chr(ord(character) + 0xFEE0) for character in number)
    assert vin.validate(number) == vin.validate(f" {number.lower()} ") == vin.validate(wide) == number


@given(vins(), st.integers(0, 16), st.sampled_from(_LETTERS))
def test_one_wrong_character_is_found(number: str, place: int, character: str) -> None:
    """Every substitution is refused, but for letters that share a value, the documented blind spot."""
    assume(place == 8 or not _blind(number[place], character))
    assume(number[place] != character)
    assert not vin.is_valid(number[:place] + character + number[place + 1 :])


@given(vins(), st.integers(3, 7), st.sampled_from(_LETTERS))
def test_letters_of_one_value_swap_unseen(number: str, place: int, character: str) -> None:
    """The documented blind spot is real, which is why the certificate is compared as well."""
    swapped = number[:place] + character + number[place + 1 :]
    assert vin.is_valid(swapped) is (number[place] == character or _blind(number[place], character))


@given(vins(), st.sampled_from("0123456789X"))
def test_a_wrong_check_digit_suggests_the_right_one(number: str, digit: str) -> None:
    """Only position 9 differs, so the suggestion is the number itself."""
    assume(digit != number[8])
    fault = refusal(vin.validate, number[:8] + digit + number[9:])
    assert fault is not None
    assert (fault.reason, fault.suggestion) == ("check_digit", number)


@given(vins())
def test_the_letter_o_suggests_zero_but_is_refused(number: str) -> None:
    """O for 0 and I for 1 are for a person to confirm."""
    mistyped = number.replace("0", "O").replace("1", "I")
    assume(mistyped != number)
    fault = refusal(vin.validate, mistyped)
    assert fault is not None
    assert (fault.reason, fault.suggestion) == ("character", number)


def test_no_suggestion_whose_check_digit_fails() -> None:
    """A reading that is wrong as well would only mislead."""
    fault = refusal(vin.validate, "LZZTEST0STAOOOOO9")
    assert fault is not None
    assert fault.suggestion is None


@pytest.mark.parametrize(
    ("number", "reason"),
    [("LZZTEST08TA00A001", "serial"), ("LZZTEST09UA000001", "model_year"), ("LXXTEST06TA000001", "unknown_maker")],
)
def test_parts_are_refused_with_their_reason(number: str, reason: str) -> None:
    """Each part that the check digit says nothing about has its own reason."""
    right = number[:8] + vin.check_digit(number) + number[9:]
    fault = refusal(vin.validate, right)
    assert isinstance(fault, InvalidPart)
    assert fault.reason == reason


def test_the_makers_of_the_samples_are_known() -> None:
    """The table has the makers that dealers' files name."""
    assert all(vin.maker(code + "A" * 14) for code in _MAKERS)


def test_a_low_volume_maker_is_looked_up_with_its_second_half() -> None:
    """With 9 in third place the code goes on at positions 12 to 14."""
    assert vin.wmi("LA9TEST05TAABC001") == "LA9ABC"


@given(vins(), st.dates(date(1980, 1, 1), date(2060, 12, 31)))
def test_a_model_year_is_at_most_one_ahead(number: str, manufactured: date) -> None:
    """The cycle of 30 years is resolved by the day of manufacture."""
    first = 1980 + _YEARS.index(number[9])
    assume(manufactured.year + 1 >= first)
    year = vin.model_year(number, manufactured)
    assert manufactured.year - 29 < year <= manufactured.year + 1
    assert (year - first) % 30 == 0


def test_no_vehicle_is_older_than_its_model_year_code() -> None:
    """Before the first cycle there is no answer."""
    with pytest.raises(InvalidPart):
        vin.model_year("LZZTEST05TA000001", date(1970, 1, 1))
