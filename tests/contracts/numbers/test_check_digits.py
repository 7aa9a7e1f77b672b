"""Check digits of credit codes and resident numbers."""

from __future__ import annotations

from datetime import date

from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.numbers import resident_id, uscc
from contracts.numbers.errors import refusal

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_DIGITS = "0123456789"


@st.composite
def credit_codes(draw: st.DrawFn) -> str:
    """Valid codes, also with letters in the first two places."""
    drawn = (
        draw(st.text(alphabet=_ALPHABET, min_size=2, max_size=2))
        + draw(st.text(alphabet=_DIGITS, min_size=6, max_size=6))
        + draw(st.text(alphabet=_ALPHABET, min_size=8, max_size=8))
    )
    drawn += uscc.organisation_check(drawn)
    return drawn + uscc.check_digit(drawn)


@st.composite
def resident_ids(draw: st.DrawFn) -> str:
    """Valid numbers of nobody: the sequence is 000."""
    born = draw(st.dates(date(1900, 1, 1), date(2026, 12, 31)))
    drawn = draw(st.text(alphabet=_DIGITS, min_size=6, max_size=6)) + born.strftime("%Y%m%d") + "000"
    return drawn + resident_id.check_digit(drawn)


@given(credit_codes())
def test_codes_built_by_the_standard_are_accepted(code: str) -> None:
    """Both checks hold, so the code does, in any case."""
    assert uscc.validate(f" {code.lower()}") == code


@given(credit_codes(), st.integers(0, 17), st.sampled_from(_ALPHABET))
def test_one_wrong_character_of_a_code_is_found(code: str, place: int, character: str) -> None:
    """The check has no blind spot for single substitutions."""
    assume(code[place] != character)
    assert not uscc.is_valid(code[:place] + character + code[place + 1 :])


@given(credit_codes(), st.sampled_from(_ALPHABET))
def test_a_wrong_last_character_suggests_the_right_one(code: str, character: str) -> None:
    """With the organisation's own check right, only the last place can be wrong."""
    assume(code[17] != character)
    fault = refusal(uscc.validate, code[:17] + character)
    assert fault is not None
    assert (fault.reason, fault.suggestion) == ("check_digit", code)


def test_remainder_zero_gives_zero() -> None:
    """31 less nothing is not an index of the alphabet."""
    assert uscc.weighted_sum("9" + "0" * 16) % 31 == 9
    assert uscc.check_digit("0" * 17) == "0"


def test_letters_may_stand_in_the_first_two_places() -> None:
    """The standard admits them, unlike a well-known library."""
    code = "A1110000" + "600037341"
    assert uscc.is_valid(code + uscc.check_digit(code))


@given(resident_ids())
def test_a_resident_number_needs_no_known_division(number: str) -> None:
    """Date and check decide; the division is only a warning."""
    assert resident_id.validate(number.lower()) == number
    assert resident_id.division_known(number) in {True, False}


@given(resident_ids(), st.integers(0, 17), st.sampled_from("0123456789X"))
def test_one_wrong_digit_of_a_resident_number_is_found(number: str, place: int, digit: str) -> None:
    """The check has no blind spot for single substitutions."""
    assume(number[place] != digit)
    assert not resident_id.is_valid(number[:place] + digit + number[place + 1 :])


@given(resident_ids())
def test_a_resident_number_is_never_suggested(number: str) -> None:
    """A corrected number of a person would be an echo of it."""
    mistyped = number.replace("0", "O")
    fault = refusal(resident_id.validate, mistyped)
    assert fault is not None
    assert fault.suggestion is None


def test_leap_days_exist_only_in_leap_years() -> None:
    """The date of birth must be one of the calendar."""
    assert resident_id.is_valid(_with_check("11010520000229000"))
    assert not resident_id.is_valid(_with_check("11010519000229000"))
    assert not resident_id.is_valid(_with_check("11010500000101000"))


def _with_check(drawn: str) -> str:
    return drawn + resident_id.check_digit(drawn)
