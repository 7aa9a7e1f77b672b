"""Patterns mean what they mean to the validator, and searches over them miss nothing."""

from __future__ import annotations

from itertools import product

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.compatibility.formats import FORMATS
from services.compatibility.patterns import Irregular, loosened, read
from services.compatibility.regular import TooLarge, Wanted, matches, shortest, words
from services.compatibility.work import Work

STEPS = 200_000

_ATOMS = st.sampled_from(
    ["a", "b", "[ab]", "[^a]", ".", r"\d", r"\w", r"\s", r"\S", "^", "$", "(?:a|b)", "", r"\.", "[0-9-]"]
)
_QUANTIFIERS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{1,}", "*?"])


def _quantified(atom: str, quantifier: str) -> str:
    return f"(?:{atom}){quantifier}" if atom and quantifier else atom


PATTERNS = st.lists(
    st.lists(st.builds(_quantified, _ATOMS, _QUANTIFIERS), max_size=4).map("".join), min_size=1, max_size=2
).map("|".join)
_LETTERS = "ab1.\n "


def _validator(pattern: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({"pattern": pattern})


@settings(max_examples=60)
@given(PATTERNS, st.lists(st.text(_LETTERS + "车é\r\u2028\ufeff\u0085", max_size=5), min_size=5, max_size=20))
def test_a_pattern_is_found_where_the_validator_finds_it(pattern: str, texts: list[str]) -> None:
    """Anchors, classes, dots and repetitions, on texts of any script."""
    validator = _validator(pattern)
    assert [matches(pattern, text) for text in texts] == [validator.is_valid(text) for text in texts]


@settings(max_examples=40)
@given(st.frozensets(PATTERNS, max_size=2), st.frozensets(PATTERNS, max_size=2), st.integers(0, 2), st.integers(0, 3))
def test_a_search_finds_the_shortest_text_or_proves_that_there_is_none(
    found: frozenset[str], missing: frozenset[str], low: int, more: int
) -> None:
    """What it finds is of all the languages and of none of the others; of what it denies, no small text is found."""
    wanted = Wanted(found, missing, low, low + more)
    fitting = [_validator(one) for one in found]
    unfitting = [_validator(one) for one in missing]

    def fits(text: str) -> bool:
        return all(one.is_valid(text) for one in fitting) and not any(one.is_valid(text) for one in unfitting)

    text = shortest(wanted, Work(STEPS))
    if text is not None:
        assert fits(text)
        assert low <= len(text) <= low + more
    top = min(low + more if text is None else len(text) - 1, 3)
    assert not any(fits("".join(some)) for length in range(low, top + 1) for some in product(_LETTERS, repeat=length))


def test_words_are_all_of_a_finite_language() -> None:
    """No word twice, and the end is a proof."""
    assert list(words(Wanted(frozenset({"^[ab]{1,2}$"})), 10, Work(STEPS))) == ["a", "b", "aa", "ab", "ba", "bb"]
    assert list(words(Wanted(frozenset({"^[ab]{1,2}$"}), barred=frozenset({"a"})), 2, Work(STEPS))) == ["b", "aa"]


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?=a)",
        r"(?!a)",
        r"(?<=a)b",
        r"(a)\1",
        r"\bfoo",
        r"\p{L}",
        "(?i)a",
        "(?<n>a)",
        "a**",
        "x*+",
        "a{3,2}",
        r"\a",
        "[]",
        "(",
    ],
)
def test_what_is_not_regular_is_told(pattern: str) -> None:
    """Or what readers read differently; something regular near it is still at hand for a search."""
    with pytest.raises(Irregular):
        read(pattern)
    read(loosened(pattern))


def test_a_search_gives_up_before_the_machine_does() -> None:
    """An automaton that would have a million states."""
    with pytest.raises(TooLarge):
        shortest(Wanted(frozenset({"^(?:a|b)*a(?:a|b){18}$"}), frozenset({"^(?:a|b)*b(?:a|b){18}$"})), Work(STEPS))


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_known_of_a_format_is_so(name: str) -> None:
    """Its samples are of it, of its shape, and of the formats that it lies within."""
    known = FORMATS[name]
    for sample in known.samples:
        assert known.holds(sample)
        assert matches(known.shape, sample)
        assert all(FORMATS[wider].holds(sample) for wider in known.within)
    assert known.samples


_BROKEN = st.sampled_from(
    ["2026-02-29", "2024-02-29", "2000-02-29", "1900-02-29", "0000-02-29", "2026-13-01", "2026-04-31"]
)
_DAYS = st.dates().map(str) | _BROKEN | st.from_regex(r"\A[0-9]{4}-[0-3][0-9]-[0-3][0-9]\Z")
_ADDRESSES = st.ip_addresses(v=4).map(str) | st.from_regex(r"\A[0-9]{1,3}(\.[0-9]{1,3}){3}\Z")
_UUIDS = st.uuids().map(str) | st.from_regex(r"\A[0-9a-fA-Fg]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@settings(max_examples=60)
@given(_DAYS, _ADDRESSES, _UUIDS)
def test_an_exact_shape_is_the_format(day: str, address: str, uuid: str) -> None:
    """Leap days, leading zeros and odd digits included."""
    for name, text in (("date", day), ("ipv4", address), ("uuid", uuid)):
        for near in (text, text + " ", text[:-1]):
            assert FORMATS[name].exact
            assert matches(FORMATS[name].shape, near) == FORMATS[name].holds(near)
