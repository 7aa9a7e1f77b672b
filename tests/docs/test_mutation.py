"""What is told of the mutants: of each module that is mutated, in figures that add up."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOLD = (ROOT / "docs" / "mutation.md").read_text("utf-8")
MUTATED: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mutmut"]["source_paths"]
ROW = re.compile(r"^\| (?:\*\*)?(?P<name>[^|*]+?)(?:\*\*)? \| (\d+) \| (\d+) \| (\d+) \|", re.MULTILINE)
FIGURES = {found["name"].strip("`"): tuple(map(int, found.groups()[1:])) for found in ROW.finditer(TOLD)}


@pytest.mark.parametrize("path", MUTATED)
def test_each_module_that_is_mutated_has_its_figures(path: str) -> None:
    """It exists, and the document says how many of its mutants the tests notice."""
    assert (ROOT / path).is_file()
    assert path in FIGURES


def test_the_figures_add_up_and_keep_the_promise() -> None:
    """What was not killed survived, the whole is the sum of its parts, and at least 85 of 100 are noticed."""
    assert {*FIGURES} == {*MUTATED, "all"}
    parts = [FIGURES[path] for path in MUTATED]
    assert FIGURES["all"] == tuple(map(sum, zip(*parts, strict=True)))
    assert all(mutants == killed + survived for mutants, killed, survived in parts)
    assert FIGURES["all"][1] * 100 >= FIGURES["all"][0] * 85
