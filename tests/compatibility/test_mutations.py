"""The suite of edits whose verdict is known: what the score says, one test each."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from services.compatibility import profile
from services.compatibility.judge import judge, validator
from services.compatibility.modes import Mode
from services.compatibility.score import SUITE, Mutation, main, patched, suite

MUTATIONS = suite()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_the_verdict_is_right(mutation: Mutation) -> None:
    """True or false as it is known to be; never null; a false one with a value that one takes and the other refuses."""
    mode = Mode.BACKWARD if mutation.direction == "backward" else Mode.FORWARD
    verdict = judge(mutation.old, mutation.new, mode)
    assert verdict.compatible is mutation.right, mutation.why
    if verdict.compatible is False:
        takes, refuses = (mutation.old, mutation.new)[:: 1 if mutation.direction == "backward" else -1]
        assert validator(takes).is_valid(verdict.witness)
        assert not validator(refuses).is_valid(verdict.witness)
        assert verdict.direction == mutation.direction


def test_the_suite_is_large_and_says_each_thing_once() -> None:
    """More than sixty edits, each with a name of its own and a reason; both verdicts in number."""
    names = Counter((one.topic, one.name) for one in MUTATIONS if one.direction == "backward")
    assert len(names) >= 60
    assert max(names.values()) == 1
    assert all(one.why for one in MUTATIONS)
    assert min(Counter(one.right for one in MUTATIONS).values()) > 100


def test_every_keyword_of_the_profile_is_edited_somewhere() -> None:
    """No keyword is only believed in."""
    said = "".join(file.read_text(encoding="utf-8") for file in SUITE.glob("*.json"))
    keywords = set(profile.APPLICATORS) | profile.ASSERTIONS
    assert {one for one in keywords if f'"{one}"' not in said and f"/{one}" not in said} == set()


def test_a_wrong_verdict_costs_a_point(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The score counts what is not right, and names it."""
    edit = {"name": "none", "base": {}, "edit": [], "backward": True, "forward": False, "why": "it is not"}
    (tmp_path / "wrong.json").write_text(json.dumps([edit]), encoding="utf-8")
    assert main(tmp_path) == 1
    assert "wrong: none, forward" in capsys.readouterr().out


def test_an_edit_of_what_is_not_there_fails() -> None:
    """An edit that no longer fits its base is no edit."""
    with pytest.raises(LookupError):
        patched({"a": 1}, [{"op": "replace", "path": "/b", "value": 2}])
    assert patched({"a": [1]}, [{"op": "add", "path": "/a/0", "value": 0}]) == {"a": [0, 1]}
