"""`tongche risk report`, as people and scripts type it: where the document goes, and what is told where it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import application
from services.stack.trouble import TroubleError
from tests.catalogue.test_risk import GATHERED


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that has been counted."""
    monkeypatch.setattr("services.cli.risk.running", lambda _: None)
    monkeypatch.setattr("services.cli.risk._gathered", lambda *_: GATHERED)


def _report(to: Path) -> None:
    """Raises what the verb raises."""
    done = CliRunner().invoke(application(), ["risk", "report", "--to", str(to)])
    if done.exception is not None:
        raise done.exception


@pytest.mark.usefixtures("counted")
def test_a_report_goes_where_it_was_told_to(tmp_path: Path) -> None:
    """To a file of that name, or into a folder that is there; never beside it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    _report(folder)
    _report(tmp_path / "2026.html")
    made = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()}
    assert made == {"folder/risk.html", "folder/risk.json", "2026.html", "2026.json"}
    assert json.loads((folder / "risk.json").read_bytes())["persons"] == 40


def test_no_folder_is_made_for_a_report(tmp_path: Path) -> None:
    """Told before anything is asked of anybody."""
    with pytest.raises(TroubleError, match="there is no folder"):
        _report(tmp_path / "nowhere" / "risk.html")
    assert list(tmp_path.iterdir()) == []
