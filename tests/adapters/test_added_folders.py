"""Whoever adds an agency adds a folder, and our own tests pass with it: none assumes which folders there are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from contracts.topics import AGENCIES

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = ROOT / "docs" / "ADDING_AN_AGENCY.md"
FOLLOWS_IT: Final = ROOT / "tests" / "docs" / "test_adding_an_agency.py"
TESTS: Final = sorted((ROOT / "tests").rglob("*.py"))
TAKEN: Final = frozenset(re.findall(r"partner new ([a-z]\w*)", GUIDE.read_text(encoding="utf-8")))
"""What a reader of the guide calls his first folder."""


def _assumptions(source: str) -> Iterator[str]:
    """Where a test lists all agencies, or uses the name of a folder that may be there: the line, and which."""
    if not any(name in source for name in TAKEN) and not all(agency in source for agency in AGENCIES):
        return
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.List(elts=inner) | ast.Tuple(elts=inner) | ast.Set(elts=inner):
                if set(AGENCIES) <= {each.value for each in inner if isinstance(each, ast.Constant)}:
                    yield f"{node.lineno}: all agencies"
            case ast.Constant(value=str(said)) if said in TAKEN:
                yield f"{node.lineno}: the guide's {said}"


def test_no_test_assumes_which_folders_there_are() -> None:
    """What there is, `ADAPTERS`, `ORGANISATIONS` and `AGENCIES` say; a folder of a test's own has a name of its own."""
    assert TAKEN
    found = {
        str(file.relative_to(ROOT)): told
        for file in TESTS
        if file != FOLLOWS_IT and (told := list(_assumptions(file.read_text(encoding="utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        f"ours = {{{', '.join(map(repr, AGENCIES))}}}",
        f"kinds = {AGENCIES}",
        f"for kind in {list(AGENCIES)}: pass",
        f"typed('new', {min(TAKEN)!r}, '--like', 'insurer')",
        f"setitem(UNFIT, {min(TAKEN)!r}, WRONG)",
    ],
)
def test_each_assumption_is_seen(source: str) -> None:
    """However it is written."""
    assert len(list(_assumptions(source))) == 1
