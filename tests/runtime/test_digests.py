"""A digest is stored and compared for years: it must never come out otherwise."""

from __future__ import annotations

from typing import Final

from services.dispatch import door
from services.runtime import digests

COMPACT: Final = "7008345e39f4cd07def51e0d29cb81361d5c1fcbcdfcdc1fee379a856ab124f9"
SPACED: Final = "036bd6c0f8e025ba1d4d111743e2e6c4853e0cad1b1d35cbe23be71dc5ecf248"


def test_what_says_the_same_has_the_same_digest() -> None:
    """However its keys are ordered, in whatever script; as it was when the first of them was stored."""
    said, again = {"b": "沪A12345", "a": [1, None]}, {"a": [1, None], "b": "沪A12345"}
    assert digests.digest(said) == digests.digest(again) == COMPACT
    assert digests.digest(said | {"a": [None, 1]}) != COMPACT


def test_what_organisations_brought_is_compared_as_it_was_stored() -> None:
    """In the form in which the doors of dispatch wrote it down from the first day on."""
    assert door.digest(["tongche.loan.settled.v1", {"b": "沪A12345", "a": 1}]) == SPACED
