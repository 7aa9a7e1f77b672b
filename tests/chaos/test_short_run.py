"""A short run of everything at once; the long one is typed by people: `tongche chaos run --minutes 30`.

Every kind of fault is dealt in it: side by side, with short sessions and short sleeps, so that half a minute will do.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.chaos.blows import BLOWS
from services.chaos.schedule import LEAST_S
from tests.road.installation import OwnInstallation

WITHIN_S = 500
SEED, MINUTES = "3801", f"{LEAST_S / 60:.2f}"
HARM = ("lost", "duplicate_effects", "out_of_order", "stuck", "leaks", "unreadable")

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux sets a running process's limits"),
]


def test_everything_goes_wrong_and_every_sale_ends(tmp_path: Path) -> None:
    """Processes, workers, broker, links, agencies, poison, disk and clock, all under load: nothing is found."""
    installation = OwnInstallation(tmp_path / "data")
    try:
        typed = installation.type_in("chaos", "run", "--seed", SEED, "--minutes", MINUTES, within_s=WITHIN_S)
    finally:
        installation.down()
    report, told = typed.answer, f"{typed.answer}\n{typed.shown[-3000:]}\n{typed.said[-5000:]}"
    assert typed.code == 0, told
    assert report["faults"].keys() == BLOWS.keys(), told
    assert {name: report[name] for name in HARM} == dict.fromkeys(HARM, 0)
    assert report["acknowledged"] == report["sales"] == report["notes"]["sales"]
    assert report["cases"]["open"] == 0
    assert report["repeat"] == f"tongche chaos run --seed {SEED} --minutes {MINUTES}"
