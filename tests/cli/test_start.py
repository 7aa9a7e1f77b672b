"""How a verb begins: at once, and knowing what the person typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    assert f"→ {typed} up" in shown.stderr
    assert json.loads(shown.stdout)["fix"] == f"{typed} up"
