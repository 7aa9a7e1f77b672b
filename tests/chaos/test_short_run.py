"""A short run of everything at once; the long one is typed by people: `tongche chaos run --minutes 30`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.road.installation import Installation, environment

CHECKOUT = Path(__file__).parents[2]
WITHIN_S = 500
SEED, MINUTES = "3801", "0.45"
"""Chosen for what it deals in so short a time: the test says what that is."""
DEALT = {"agency", "disk", "kill", "link", "poison"}
HARM = ("lost", "duplicate_effects", "out_of_order", "stuck", "leaks", "unreadable")

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets a running process's limits"),
]


def test_everything_goes_wrong_and_every_sale_ends(tmp_path: Path) -> None:
    """Links cut and half open, a full disk, poison, a hanging agency, kill -9, all under load: nothing is found."""
    installation = Installation(tmp_path / "data")
    words = ["chaos", "run", "--seed", SEED, "--minutes", MINUTES, "--json", "--data", str(installation.root)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", *words],
            env=environment(),
            cwd=CHECKOUT,
            capture_output=True,
            timeout=WITHIN_S,
            check=False,
        )
    finally:
        installation.down()
    told = f"{done.stdout.decode()[-3000:]}\n{done.stderr.decode()[-5000:]}"
    assert done.returncode == 0, told
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["faults"].keys() >= DEALT, told
    assert {name: report[name] for name in HARM} == dict.fromkeys(HARM, 0)
    assert report["acknowledged"] == report["sales"] == report["notes"]["sales"]
    assert report["cases"]["open"] == 0
    assert report["repeat"] == f"tongche chaos run --seed {SEED} --minutes {MINUTES}"
