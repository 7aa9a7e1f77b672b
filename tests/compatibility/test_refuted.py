"""Proofs that were wrong once: each with the value that refuted it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from services.compatibility.formats import FORMATS
from services.compatibility.judge import judge, validator

_REFUTED: Final = [
    json.loads(line) for line in (Path(__file__).parent / "refuted.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("row", _REFUTED, ids=lambda row: str(row["why"]))
def test_what_was_refuted_is_not_proved_again(row: dict[str, Any]) -> None:
    """One schema takes the value, the other refuses it; the gate finds that or another one."""
    old, new = validator(row["old"]), validator(row["new"])
    assert old.is_valid(row["value"])
    assert not new.is_valid(row["value"])
    verdict = judge(row["old"], row["new"])
    assert verdict.compatible is False
    assert old.is_valid(verdict.witness)
    assert not new.is_valid(verdict.witness)


def _limited(count: int, most: dict[int, int], *, unique: bool) -> dict[str, Any]:
    """Arrays of so many of some numbers, of each no more than so often."""
    limits = [{"contains": {"const": one}, "minContains": 0, "maxContains": often} for one, often in most.items()]
    items = {"enum": list(most)}
    return {"type": "array", "items": items, "minItems": count, "uniqueItems": unique, "allOf": limits}


@pytest.mark.parametrize(
    ("old", "empty"),
    [
        (_limited(3, {1: 1, 2: 1, 3: 0}, unique=True), True),
        (_limited(3, {1: 1, 2: 1, 3: 1}, unique=True), False),
        (_limited(4, {1: 1, 2: 2}, unique=False), True),
        (_limited(3, {1: 1, 2: 2}, unique=False), False),
    ],
    ids=["unique", "unique and enough", "limits", "limits and enough"],
)
def test_limits_leave_no_array_where_they_add_up_to_too_few(old: dict[str, Any], *, empty: bool) -> None:
    """The proof is not lost by looking at more ways."""
    assert judge(old, new=False).compatible is empty


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("date", "202--11-21"),
        ("time", "08:3.:00Z"),
        ("date-time", ".026-11-21T08:30:00Z"),
        ("hostname", "xn--5faq.cn"),
    ],
)
def test_the_validator_takes_no_text_that_the_proof_does_not_know(name: str, text: str) -> None:
    """By itself it takes these; here a format is the same to both."""
    assert not FORMATS[name].holds(text)
    assert not validator({"format": name}).is_valid(text)
    assert all(validator({"format": name}).is_valid(sample) for sample in FORMATS[name].samples)
