"""A short run of everything at once; the long one is typed by people: `tongche chaos run --minutes 30`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.road.installation import Installation

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
    try:
        typed = installation.type_in("chaos", "run", "--seed", SEED, "--minutes", MINUTES, within_s=WITHIN_S)
    finally:
        installation.down()
    report, told = typed.answer, f"{typed.answer}\n{typed.shown[-3000:]}\n{typed.said[-5000:]}"
    assert typed.code == 0, told
    assert report["faults"].keys() >= DEALT, told
    assert {name: report[name] for name in HARM} == dict.fromkeys(HARM, 0)
    assert report["acknowledged"] == report["sales"] == report["notes"]["sales"]
    assert report["cases"]["open"] == 0
    assert report["repeat"] == f"tongche chaos run --seed {SEED} --minutes {MINUTES}"
