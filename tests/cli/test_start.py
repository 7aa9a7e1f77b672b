"""How a verb begins: at once, and knowing what the person typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import application, terminal

ROOT = Path(__file__).parents[2]
SLOW = {"aiohttp", "aiokafka", "fastapi", "faststream", "opentelemetry", "sqlalchemy"}


def test_no_verb_pays_for_another() -> None:
    """All verbs are put together without a client of Kafka, of a database, of HTTP or of telemetry."""
    program = "import sys; from services.cli import application; application(); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not SLOW & set(told.stdout.split())


@pytest.mark.parametrize("typed", ["tongche", "python3 ../run.py"])
def test_advice_can_be_typed_as_it_stands(tmp_path: Path, typed: str) -> None:
    """Who has no `tongche` on their path is told to type what they typed before."""
    command = [sys.executable, "-m", "services.cli", "case", "show", "x", "--data", str(tmp_path), "--json"]
    env = os.environ | {"TONGCHE_TYPED": typed}
    shown = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert f"→ {typed} up --data {tmp_path}" in shown.stderr
    told = json.loads(shown.stdout)
    assert (told["fix"], told["code"]) == (f"{typed} up --data {tmp_path}", "not-running")


@pytest.mark.parametrize(
    ("advice", "typed"),
    [
        (
            "tongche up；不会重复 / tongche up; repeats nothing",
            "tongche up @；不会重复 / tongche up @; repeats nothing",
        ),
        ("tongche status, tongche down", "tongche status @, tongche down @"),
        ("tongche up (TONGCHE_MAVEN=<mirror URL>)", "tongche up @ (TONGCHE_MAVEN=<mirror URL>)"),
        ("tongche up 会另选 / tongche up will choose others", "tongche up @ 会另选 / tongche up @ will choose others"),
        ("tongche demo --scenario all --crash", "tongche demo --scenario all --crash @"),
        ('tongche case resume abc-1 --reason "…"', 'tongche case resume abc-1 --reason "…" @'),
        ("tongche case show VIN|ID", "tongche case show VIN|ID @"),
        ("tongche delivery answer abc-1 --file /a/b.json", "tongche delivery answer abc-1 --file /a/b.json @"),
        ("tongche delivery clear-up abc-1 --reason …", "tongche delivery clear-up abc-1 --reason … @"),
        ("tongche down --data /elsewhere", "tongche down --data /elsewhere"),
        ("tongche bench hop", "tongche bench hop"),
        ("tongche case show --help", "tongche case show --help"),
    ],
)
def test_advice_is_about_the_data_folder_that_was_typed(
    advice: str, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quoted where it must be; one that the environment names holds for the next verb as it is."""
    monkeypatch.setattr(terminal, "TYPED", "tongche")
    folder = tmp_path / "two words"
    CliRunner().invoke(application(), ["status", "--data", str(folder)])
    assert terminal.typed(advice) == typed.replace("@", f"--data '{folder}'")
    CliRunner().invoke(application(), ["status"], env={"TONGCHE_DATA": str(folder)})
    assert terminal.typed(advice) == advice
