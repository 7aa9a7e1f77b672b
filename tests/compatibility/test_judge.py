"""Modes, directions, places and reasons of verdicts; what is hard; and what stays open."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from services.compatibility import words
from services.compatibility.judge import Verdict, judge, judge_all, validator
from services.compatibility.modes import Mode
from services.compatibility.search import search

_TEXT: Final = {"type": "string"}
_SHORT: Final = {"type": "string", "maxLength": 3}
_OPEN: Final = {"type": "string", "pattern": "^(?=b)[a-c]*$"}


@pytest.mark.parametrize(
    ("mode", "old", "new", "compatible", "direction"),
    [
        (Mode.BACKWARD, _SHORT, _TEXT, True, None),
        (Mode.BACKWARD, _TEXT, _SHORT, False, "backward"),
        (Mode.FORWARD, _SHORT, _TEXT, False, "forward"),
        (Mode.FORWARD, _TEXT, _SHORT, True, None),
        (Mode.FULL, _SHORT, _TEXT, False, "forward"),
        (Mode.FULL, _TEXT, _SHORT, False, "backward"),
        (Mode.FULL, _TEXT, {"type": ["string"]}, True, None),
        (Mode.FULL_TRANSITIVE, _SHORT, _TEXT, False, "forward"),
        (Mode.BACKWARD_TRANSITIVE, _SHORT, _TEXT, True, None),
        (Mode.FORWARD_TRANSITIVE, _SHORT, _TEXT, False, "forward"),
    ],
)
def test_a_mode_asks_its_directions(mode: Mode, old: Any, new: Any, *, compatible: bool, direction: str | None) -> None:
    """And the verdict says which of them fails."""
    verdict = judge(old, new, mode)
    assert (verdict.compatible, verdict.direction, verdict.mode) == (compatible, direction, mode)


def test_a_failure_outweighs_an_open_question_and_that_a_proof() -> None:
    """FULL is as bad as its worse direction."""
    narrow = {"allOf": [_OPEN, {"pattern": "^(?=b).$"}]}
    assert judge({"type": "integer"}, _TEXT, Mode.FULL).compatible is False
    verdict = judge(narrow, {**_OPEN, "pattern": "^(?=[b])[a-c]*$"}, Mode.BACKWARD, examples=30)
    assert verdict.compatible is None
    assert "look" in verdict.reason


def test_a_verdict_names_the_place_and_speaks_both_languages() -> None:
    """The pointer into the schema that refuses, the part of the value, in Chinese and in English."""
    old = {"properties": {"a/b": {"type": "integer"}}}
    new = {"properties": {"a/b": {"type": "integer", "minimum": 0}}}
    verdict = judge(old, new)
    assert verdict.place == "/properties/a~1b/minimum"
    assert verdict.witness == {"a/b": -1}
    assert "被新版拒绝" in verdict.reason
    assert "the new one refuses at /properties/a~1b/minimum" in verdict.reason
    assert set(verdict.as_json()) == {"compatible", "witness", "found", "reason", "mode", "direction", "place"}


@pytest.mark.parametrize(("mode", "compatible"), [(Mode.BACKWARD, True), (Mode.BACKWARD_TRANSITIVE, False)])
def test_only_the_transitive_modes_remember_all_versions(mode: Mode, *, compatible: bool) -> None:
    """What went from 9 to 5 to 7 can read the last, not the first."""
    history = [{"type": "integer", "maximum": most} for most in (9, 5)]
    assert judge_all(history, {"type": "integer", "maximum": 7}, mode).compatible is compatible


def test_the_first_version_is_compatible() -> None:
    """There is nobody to disappoint."""
    assert judge_all([], _TEXT, Mode.FULL_TRANSITIVE).compatible is True


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ({"required": ["a"]}, {"required": ["a", "wobble"]}, "/required: wobble"),
        ({}, {"dependentRequired": {"a": ["wobble"]}}, "/dependentRequired: wobble"),
        ({"required": ["wobble"]}, {"unevaluatedProperties": False}, "/unevaluatedProperties: wobble"),
    ],
    ids=["missing", "missing beside another", "unknown"],
)
def test_the_property_that_is_missing_or_unknown_is_named(old: Any, new: Any, named: str) -> None:
    """In the sentence; `place` stays a pointer into the schema."""
    verdict = judge(old, new)
    assert verdict.reason.count(named) == 2
    assert verdict.place == named.partition(":")[0]


def test_a_witness_that_says_more_than_null_is_preferred() -> None:
    """Null alone leaves a reader asking whether there is a witness at all."""
    told = judge({"type": ["null", "integer"]}, {"type": "string"}).as_json()
    assert (told["found"], type(told["witness"])) == (True, int)
    only = judge({"type": ["null", "string"]}, _TEXT).as_json()
    assert (only["found"], only["witness"]) == (True, None)
    assert judge(_SHORT, _TEXT).as_json()["found"] is False


def test_a_number_beyond_all_floats_can_be_told() -> None:
    """Neither a witness nor what is printed of it is infinity."""
    beyond = Decimal("1e400")
    assert judge({"type": "number", "minimum": beyond}, {"maximum": 5}).compatible is False
    # What the validator sees of such a fraction is rounded, so nothing is promised but a verdict.
    fraction = {"type": "number", "exclusiveMinimum": beyond}
    assert judge(fraction, {"type": "integer"}, examples=1).compatible is not True
    told = Verdict(False, Mode.BACKWARD, "", beyond).as_json()
    assert "Infinity" not in json.dumps(told)


def test_null_is_a_witness_like_any_other() -> None:
    """So one looks at `found`, not at the witness."""
    assert judge({"type": ["null", "string"]}, _TEXT) == Verdict(
        False,
        Mode.BACKWARD,
        words.refused("backward", "/type", ""),
        None,
        "backward",
        "/type",
    )


def _branch(number: int) -> dict[str, Any]:
    fields = {f"f{one}": {"type": "string", "maxLength": 50} for one in range(8)}
    return {
        "type": "object",
        "properties": {"kind": {"const": f"k{number}"}, **fields},
        "required": ["kind"],
        "additionalProperties": False,
    }


def _nested(inner: Any) -> Any:
    for _ in range(60):
        inner = {"type": "object", "properties": {"x": inner}, "required": ["x"]}
    return inner


def _choices(names: str) -> list[Any]:
    return [{"anyOf": [{"required": [f"{one}{at}"]} for one in names]} for at in range(12)]


_UNION: Final[dict[str, Any]] = {"oneOf": [_branch(number) for number in range(12)]}
_WIDE: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {f"p{at}": _TEXT for at in range(200)},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("old", "new", "compatible"),
    [
        (_UNION, {"oneOf": [*_UNION["oneOf"], _branch(12)]}, True),
        ({"oneOf": [*_UNION["oneOf"], _branch(12)]}, _UNION, False),
        ({"anyOf": _UNION["oneOf"]}, _UNION, True),
        ({"enum": [f"v{at}" for at in range(3000)]}, {"enum": [f"v{at}" for at in range(2999)]}, False),
        (_WIDE, {**_WIDE, "properties": {**_WIDE["properties"], "p199": _SHORT}}, False),
        (_nested({"type": "integer", "minimum": 0}), _nested({"type": "integer"}), True),
        (_nested({"type": "integer"}), _nested({"type": "integer", "minimum": 0}), False),
        ({"allOf": _choices("ab"), "type": "object"}, {"allOf": _choices("ba")}, True),
        ({"allOf": _choices("ab"), "type": "object"}, {"allOf": _choices("ba"), "required": ["a0"]}, False),
        ({"type": "array", "minItems": 1000}, {"type": "array", "minItems": 1001}, False),
        ({"type": "string", "maxLength": 100_000}, {"type": "string", "maxLength": 99_999}, False),
        ({"type": "object", "minProperties": 100}, {"minProperties": 101}, False),
        ({"type": "integer", "multipleOf": 999_983}, {"multipleOf": 999_979}, False),
        ({"type": "array", "uniqueItems": True, "items": {"enum": list(range(12))}}, {"maxItems": 12}, True),
        ({"type": "integer", "minimum": 10**40}, {"minimum": 10**40 + 1}, False),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_large_is_decided(old: Any, new: Any, *, compatible: bool) -> None:
    """Wide unions, long lists, deep nesting, large numbers."""
    assert judge(old, new).compatible is compatible


def test_what_is_too_much_is_told() -> None:
    """An automaton with very many states ends as an open question, not as a machine that hangs."""
    old, new = ({"type": "string", "pattern": f"^(?:a|b)*{one}(?:a|b){{13}}$"} for one in "ab")
    verdict = judge(old, {"allOf": [old, new]}, examples=20)
    assert verdict.compatible is not True
    assert verdict.compatible is False or "very many states" in verdict.reason


def test_judging_changes_nothing() -> None:
    """Neither schema is touched, and nothing is written where one works."""
    old, new = {"type": "object", "properties": {"a": {}}}, {"properties": {"a": {"type": "string"}}}
    before = copy.deepcopy((old, new))
    judge(old, new, Mode.FULL)
    assert (old, new) == before


@pytest.mark.parametrize(
    ("old", "new", "base"),
    [
        ({"type": "object", "required": ["a"]}, {"type": "object", "required": ["a", "b"]}, {"a": 1}),
        ({"type": "integer", "maximum": 9}, {"type": "integer", "maximum": 8}, 0),
        ({"enum": ["A", "B", "C"]}, {"enum": ["A", "C"]}, "A"),
        ({"type": ["string", "null"]}, {"type": "string"}, "a"),
        ({"type": "array", "maxItems": 4}, {"type": "array", "maxItems": 3}, []),
        ({"type": "string", "pattern": "^[a-z]{2,9}$"}, {"type": "string", "pattern": "^[a-z]{2,8}$"}, "aa"),
        ({"type": "string", "format": "vin"}, {"type": "string", "pattern": "^[A-Z0-9]{17}$"}, "LZZTEST05TA000001"),
        ({"type": "object"}, {"type": "object", "additionalProperties": False}, {}),
        (
            {"type": "object", "properties": {"a": {"type": "object", "properties": {"n": {"minimum": 0}}}}},
            {"type": "object", "properties": {"a": {"type": "object", "properties": {"n": {"minimum": 1}}}}},
            {"a": {"n": 5}},
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_search_finds_a_witness_without_the_proof(
    old: Any, new: Any, base: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the schemas' own words, at the boundary; the same one each time; and no folder is left behind."""
    monkeypatch.chdir(tmp_path)
    takes, refuses = validator(old), validator(new)

    def is_witness(value: Any) -> bool:
        return takes.is_valid(value) and not refuses.is_valid(value)

    found = search([old, new], base, is_witness, examples=150)
    assert found is not None
    assert is_witness(found[0])
    assert search([old, new], base, is_witness, examples=150) == found
    assert list(tmp_path.iterdir()) == []


def test_where_the_proof_ends_the_search_goes_on() -> None:
    """A pattern that looks ahead is no regular language; a witness is found all the same."""
    new = {**_OPEN, "pattern": "^(?=b)[a-b]*$"}
    verdict = judge({"type": "object", "properties": {"x": _OPEN}}, {"properties": {"x": new}})
    assert verdict.compatible is False
    assert verdict.place == "/properties/x/pattern"
