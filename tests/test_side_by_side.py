"""What two workers are given."""

from __future__ import annotations

from pathlib import Path

from tests.side_by_side import LONGEST, SHARING, Balanced


def test_what_shares_an_installation_goes_to_one_worker() -> None:
    """All of its files are one unit of work; every other file is one by itself."""
    units = Balanced.__new__(Balanced)
    shared = {units._split_scope(f"tests/{file}::test_one[a]") for file in SHARING}
    assert len(shared) == 1
    assert units._split_scope("tests/road/test_demo.py::test_two") not in shared


def test_the_files_that_come_first_are_there() -> None:
    """A file that was renamed would come at its place in the alphabet again, and the other worker wait for it."""
    missing = [file for file in LONGEST if not (Path(__file__).parent / file).is_file()]
    assert missing == []
