"""Whom a message concerns, as it is written into the envelope and read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.concerns import Concerns

_VALUES = st.text("0123456789ABCDEFGHJKLMNPQRTUWXY", max_size=18)


@given(st.builds(Concerns, *[_VALUES] * len(Concerns._fields)))
def test_what_is_written_is_read(concerns: Concerns) -> None:
    """Every party that is there comes back, and none that is not."""
    assert Concerns.parse(str(concerns)) == concerns


def test_it_is_one_short_text() -> None:
    """Only what there is stands in it."""
    assert str(Concerns(region="310115", seller="91310000MA1K3YXJ0U")) == "region=310115;seller=91310000MA1K3YXJ0U"
    assert str(Concerns()) == ""


def test_a_name_of_a_later_version_is_passed_over() -> None:
    """An old reader understands what it knows."""
    assert Concerns.parse("region=31;scrapper=9131") == Concerns(region="31")


def test_what_is_no_pair_is_an_error() -> None:
    """Nothing is guessed from a text that nobody of ours wrote."""
    with pytest.raises(ValueError, match="dictionary update"):
        Concerns.parse("31")
