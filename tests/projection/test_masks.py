"""What ◐ leaves of a value: a table that a reader can check."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.fields import FIELDS
from contracts.views import masks
from contracts.views.masks import MASKS, Form, Unfit, yes_no


@pytest.mark.parametrize(
    ("form", "value", "shown"),
    [
        (masks.name, "张三", "张*"),
        (masks.name, "赵样本", "赵**"),
        (masks.name, "阿卜杜拉·艾山", "阿**"),
        (masks.name, "王", "王*"),
        (masks.phone, "13812345678", "138****5678"),
        (masks.phone, "+8613812345678", "+86****5678"),
        (masks.phone, "021-5555", "****55"),
        (masks.place, "上海市浦东新区样本路1号", "上海市****"),
        (masks.place, "样本村1号", "****"),
        (masks.last_four, "PDAA2026031234", "****1234"),
        (masks.last_four, "A1234", "****4"),
        (masks.plate, "沪AD12345", "沪A****45"),
        (masks.year, "2026-03-14", "2026"),
        (masks.year, "2025-12-31T15:59:59.999Z", "2025"),
        (masks.year, "2025-12-31T16:00:00.000Z", "2026"),
        (masks.band, 0, "0"),
        (masks.band, 1, "0-50000"),
        (masks.band, 14_570_000, "100000-200000"),
        (masks.band, 20_000_000, "200000-300000"),
        (masks.band, 10_000_000_000, "1000000-"),
        (yes_no, 0, False),
        (yes_no, 1_000_000, True),
        (yes_no, True, True),
        (yes_no, False, False),
        (yes_no, "REGISTERED", True),
        (yes_no, "RELEASED", False),
        (yes_no, "DE", True),
    ],
)
def test_a_mask_leaves_this(form: Form, value: Any, shown: Any) -> None:
    """Each form, with the values at its edges; a year is the year in China."""
    assert form(value) == shown


def test_every_field_that_is_ever_masked_has_a_form() -> None:
    """A new M in the table of fields needs a row here, or nobody gets the field."""
    masked = {name for name, field in FIELDS.items() if "masked" in field.sights.values()}
    assert masked <= MASKS.keys()


@given(st.text(min_size=1, max_size=200))
def test_a_mask_of_text_never_fails_and_never_shows_all(text: str) -> None:
    """Whatever somebody's name or number is: something of it is hidden, unless nothing was there."""
    for form in (masks.name, masks.phone, masks.place, masks.last_four, masks.plate):
        assert form(text) != text or set(text) <= {"*"}


@pytest.mark.parametrize("form", [*dict.fromkeys(MASKS.values()), yes_no, masks.plain, masks.hashed(b"secret", "vin")])
def test_no_form_takes_what_holds_other_values(form: Form) -> None:
    """Lists and groups are refused: nothing passes unseen inside of them."""
    for value in ({"a": 1}, ["a"], None):
        with pytest.raises(Unfit):
            form(value)


def test_a_hash_says_nothing_about_another_field() -> None:
    """The same digits as an invoice's and as a policy's number are two hashes."""
    assert masks.hashed(b"secret", "invoice_no")("123") != masks.hashed(b"secret", "policy_no")("123")
    assert masks.hashed(b"secret", "invoice_no")("123") == masks.hashed(b"secret", "invoice_no")("123")
