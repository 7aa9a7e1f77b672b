"""`tongche up`, `status`, `down`, `reset`: real Kafka, the real supervisor, services as small as can be."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from services.cli import application, stack
from services.stack import lifecycle
from services.stack.data import DataFolder
from services.stack.trouble import TroubleError

FAKE_STACK = str(Path(__file__).parents[1] / "stack" / "fake_stack.py")

Tongche = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder, and a supervisor that starts fakes."""
    for name in [name for name in os.environ if name.startswith("TONGCHE_") and name != "TONGCHE_JAVA"]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(lifecycle.Launch, "arguments", (FAKE_STACK,))
    monkeypatch.setenv("FAKES", "door:good console:good")
    yield tmp_path / "data"
    lifecycle.down(DataFolder(tmp_path / "data"))


@pytest.fixture
def tongche(data: Path) -> Tongche:
    """Type a verb with --json, and read the last line."""

    def type_in(*words: str) -> tuple[int, dict[str, Any]]:
        result = CliRunner().invoke(application(), [*words, "--data", str(data), "--json"])
        if isinstance(result.exception, TroubleError):
            raise result.exception
        return result.exit_code, json.loads(result.stdout.splitlines()[-1])

    return type_in


def test_up_status_down_reset(tongche: Tongche, data: Path) -> None:
    """A whole life: each verb's JSON has what scripts rely on, and each verb is safe to repeat."""
    code, up = tongche("up")
    assert code == 0
    assert set(up["urls"]) == {"door", "console", "kafka"}
    assert (up["data"], up["logs"]) == (str(data), str(data / "logs"))
    assert up["login"]["user"] == "operator"
    assert tongche("up") == (0, up)

    code, status = tongche("status")
    assert code == 0
    assert set(status["cases"]) == {"open", "closed", "manual"}
    assert set(status["deliveries"]) == {"held", "parked", "dead"}
    assert status["urls"]["door"] == up["urls"]["door"]
    assert {name: process["ready"] for name, process in status["processes"].items()} == {
        "kafka": True,
        "door": True,
        "console": True,
    }

    assert tongche("down") == (0, {"stopped": True, "data": str(data)})
    assert tongche("down") == (0, {"stopped": False, "data": str(data)})
    assert tongche("status") == (3, {"running": False, "data": str(data)})

    assert tongche("reset", "--yes") == (0, {"removed": True, "data": str(data)})
    assert not data.exists()
    assert tongche("reset", "--yes") == (0, {"removed": False, "data": str(data)})


def test_status_shows_people_every_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there are more of one sort than of the other; what is over and yet somebody's, in words."""
    shown = StringIO()
    monkeypatch.setattr(stack, "out", Console(file=shown, width=160))
    cases = {"open": 11, "manual": 12, "closed": 13, "unfinished": 14}
    deliveries = {"held": 15, "dead": 16}
    none: dict[str, Any] = {"subscribers": None, "contradicted": [], "refused": [], "certificates": []}
    stack._tables({"cases": cases, "deliveries": deliveries, "processes": {}, "urls": {}, **none})
    words = shown.getvalue().split()
    assert all(str(number) in words for number in range(11, 17))
    assert "closed, but somebody must act" in shown.getvalue()


def test_reset_asks_first(data: Path) -> None:
    """No is no."""
    DataFolder(data).create()
    result = CliRunner().invoke(application(), ["reset", "--data", str(data)], input="n\n")
    assert result.exit_code == 1
    assert data.exists()


def test_reset_leaves_a_foreign_folder_alone(tongche: Tongche, data: Path) -> None:
    """Yes or not, a folder without our marker is not ours to remove."""
    data.mkdir()
    (data / "thesis.txt").touch()
    with pytest.raises(TroubleError, match="nothing was removed"):
        tongche("reset", "--yes")
    assert (data / "thesis.txt").exists()


def test_doctor_answers_in_json(tongche: Tongche) -> None:
    """Each check has what was found, what is required, and a fix where one is needed."""
    _, report = tongche("doctor")
    assert report["healthy"] == all(check["ok"] for check in report["checks"])
    for check in report["checks"]:
        assert set(check) == {"check", "ok", "found", "required", "fix"}
        assert (check["fix"] is None) == check["ok"]


def test_a_variable_that_makes_no_sense_is_named(tongche: Tongche, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started."""
    monkeypatch.setenv("TONGCHE_CONSOLE_PORT", "eighty")
    with pytest.raises(TroubleError, match="TONGCHE_CONSOLE_PORT"):
        tongche("up")
