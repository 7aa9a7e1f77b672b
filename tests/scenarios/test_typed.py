"""`demo --scenario` as it is typed, where nothing has to run for the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.scenario.catalogue import names
from services.stack.data import DataFolder
from services.stack.state import Stack
from tests.road.installation import OwnInstallation


def test_what_there_is_can_be_listed(tmp_path: Path) -> None:
    """For scripts by name and number, for people with its situation, and nothing is started."""
    typed = OwnInstallation(tmp_path / "data").type_in("demo", "--scenario", "list")
    assert typed.code == 0
    assert [one["name"] for one in typed.answer["scenarios"]] == names()
    assert "60-day" in typed.shown.replace("\n", " ")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--scenario", "99"], "no such scenario"),
        (["--scenario", "1", "--hold"], "--hold is not"),
        (["--crash"], "--crash is for scenarios"),
        (["--scenario", "1"], "was used before"),
    ],
    ids=["unknown", "held up", "crash of nothing", "used folder"],
)
def test_what_cannot_be_played_is_refused_at_once(tmp_path: Path, words: list[str], why: str) -> None:
    """In a sentence, with the way out, before anything is started."""
    folder = DataFolder(tmp_path / "data")
    folder.create()
    Stack(phase="stopped", data="", logs="", ports={}, urls={}, ready={}).save(folder)
    typed = OwnInstallation(folder.root).type_in("demo", *words)
    assert typed.code == 1
    assert why in typed.answer["error"]
    assert typed.answer["fix"]
