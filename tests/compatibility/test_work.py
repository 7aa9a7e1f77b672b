"""What is looked at is counted: a question that is too large ends as an open one, at the same place everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from services.compatibility.judge import judge
from services.compatibility.regular import Wanted, shortest
from services.compatibility.work import TooMuch, Work


def _behind(letter: str, many: int) -> str:
    return f"^(?:a|b)*{letter}(?:a|b){{{many}}}$"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            {
                "type": "array",
                "uniqueItems": True,
                "allOf": [
                    {"contains": {"multipleOf": one}, "minContains": one, "maxContains": 2 * one}
                    for one in (2, 3, 5, 7, 11)
                ],
            },
            {"maxItems": 3, "contains": {"const": 5}},
            "too many cases",
        ),
        (
            {
                "type": "object",
                "patternProperties": {_behind("a", many): {"type": "integer"} for many in range(6, 16)},
                "minProperties": 3,
            },
            {"patternProperties": {_behind("b", many): {"type": "string"} for many in (6, 7)}, "required": ["x"]},
            "too many cases",
        ),
        (
            {"type": "array", "contains": {"type": "integer"}, "minContains": 1000},
            {"contains": {"type": "integer"}, "minContains": 1001},
            "1000 items that must be found",
        ),
    ],
    ids=["places", "names", "demands"],
)
def test_a_question_that_is_too_large_stays_open(old: Any, new: Any, why: str) -> None:
    """Ways to place items, patterns of names, items that must be found: each counts, and none is guessed away."""
    verdict = judge(old, new, examples=1)
    assert verdict.compatible is None
    assert why in verdict.reason


def test_texts_are_looked_for_at_the_expense_of_the_question() -> None:
    """Many small searches are as much as a large one."""
    with pytest.raises(TooMuch):
        shortest(Wanted(frozenset({_behind("a", 9)}), frozenset({_behind("b", 9)})), Work(1000))
