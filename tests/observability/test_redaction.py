"""Nothing personal gets past the redaction, wherever it stands."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import contracts
from observability import redaction

DIGITS = "0123456789"
VIN_LETTERS = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"

vins = (
    st.text(VIN_LETTERS, min_size=17, max_size=17)
    .filter(lambda vin: not vin.isdigit())
    .filter(lambda vin: not vin.isalpha())
)
phones = st.builds("1{}{}".format, st.sampled_from("3456789"), st.text(DIGITS, min_size=9, max_size=9))
residents = st.builds(
    "{}{}{}".format,
    st.sampled_from("123456"),
    st.text(DIGITS, min_size=16, max_size=16),
    st.sampled_from(DIGITS + "Xx"),
)
plates = st.builds(
    "{}{}{}".format,
    st.sampled_from("京沪粤苏浙川"),
    st.sampled_from("ABCDE"),
    st.text("ABCDEFGH123456789", min_size=5, max_size=6),
)
# What may stand beside a number in a sentence: anything but a further letter or digit of it.
surroundings = st.text(
    st.characters(exclude_characters=DIGITS, exclude_categories=("Cs", "Nd", "Lu", "Ll", "Sk", "Lm", "So", "No"))
)


@given(before=surroundings, number=vins | phones | residents | plates, after=surroundings)
def test_a_number_of_a_person_or_a_car_never_survives_in_a_text(before: str, number: str, after: str) -> None:
    """Whatever stands around it, the number itself is gone."""
    assert number not in redaction.text(f"{before} {number} {after}")


@given(number=vins | phones | residents)
def test_full_width_digits_hide_nothing(number: str) -> None:
    """A number typed in full-width characters is found too."""
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in number)
    found = redaction.text(f"号码{wide}。")
    assert wide not in found
    assert number not in found


@given(st.text())
def test_redacting_twice_is_redacting_once(words: str) -> None:
    """What was redacted is left alone the second time."""
    once = redaction.text(words)
    assert redaction.text(once) == once


trees: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | vins | phones | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    key=st.sampled_from(sorted(redaction.PERSONAL_KEYS)),
    name=st.text("张王李赵陈", min_size=2),
    depth=st.integers(0, 12),
)
def test_a_name_is_found_by_its_key_at_any_depth(key: str, name: str, depth: int) -> None:
    """A name has no pattern, so its key tells; and what is nested too deep to look at is not shown."""
    content: Any = {key.upper(): name}
    for _ in range(depth):
        content = {"inner": [content]}
    assert name not in str(redaction.mapping(content))


@given(trees, vins)
def test_every_tree_can_be_redacted(tree: Any, vin: str) -> None:
    """Whatever is logged, redaction answers, and no VIN comes out."""
    assert vin not in str(redaction.value("anything", [tree, vin]))


def test_every_personal_field_of_the_dictionary_is_known_by_key() -> None:
    """A field that the dictionary calls personal is one that no log line tells."""
    table = Path(contracts.__file__).with_name("fields.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in table if not line.startswith("#"))
    personal = {row["name"] for row in rows if row["personal"]}
    assert personal
    assert personal <= redaction.PERSONAL_KEYS


def test_what_an_operator_needs_is_left() -> None:
    """Case ids, traces, organisations, times and codes stay readable."""
    line = "case 0198c0de-7abc-7000-8000-138123456789 insurer-91110000MAY1GEUH59 P503 at 2026-11-21T10:38:55.340Z"
    assert redaction.text(line) == line
    assert redaction.text("4bf92f3577b34da6a3ce929d0e0e4736") == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_error_texts_lose_the_values_that_were_wrong() -> None:
    """The values that pydantic and SQLAlchemy quote are taken out."""
    pydantic = "name\n  too short [type=string_too_short, input_value='欧阳娜娜', input_type=str]"
    database = "UNIQUE failed\n[SQL: INSERT]\n[parameters: ('欧阳娜娜', 1)]"
    assert "欧阳" not in redaction.text(pydantic)
    assert "欧阳" not in redaction.text(database)


def test_a_span_carries_no_vin_and_no_message_id() -> None:
    """Under these keys a span says nothing at all."""
    assert redaction.attribute("vin", "LSVAU2A37N2000001") is None
    assert redaction.attribute("messaging.message.id", "0198c0de-7abc-7000-8000-138123456789") is None
    assert redaction.attribute("tongche.organisation", "police") == "police"
