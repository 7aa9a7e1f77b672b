"""All scenarios on one stack as a person plays them, plainly and while processes are killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.scenario.catalogue import names
from services.scenario.timeline import VICTIMS
from tests.road.installation import OwnInstallation, Typed

WITHIN_S = 400
SEEDS = ("14",)
"""One run of all scenarios each. Every seed hits every scenario; which process, when, and which moment of those it has,
is the seed's: another number plays other crashes, and one more number one more run.
"""


def played(root: Path, *words: str) -> Typed:
    """What came of them; the stack is down again."""
    installation = OwnInstallation(root / "data")
    try:
        return installation.type_in("demo", "--scenario", "all", *words, within_s=WITHIN_S)
    finally:
        installation.down()


def judged(typed: Typed) -> None:
    """Each as expected, and the independent checker found nothing."""
    told = f"{typed.answer}\n{typed.said[-6000:]}"
    assert [(one["name"], one["differences"]) for one in typed.answer["scenarios"]] == [(name, []) for name in names()]
    assert (typed.answer["passed"], typed.answer["failed"]) == (len(names()), 0), told
    assert typed.answer["checker"] == "clean", told
    assert typed.code == 0, told


@pytest.mark.timeout(WITHIN_S + 30)
def test_every_scenario_comes_out_as_the_rulebook_says(tmp_path: Path) -> None:
    """Side by side, each with its own car, on a clock that leaps over two years."""
    judged(played(tmp_path))


@pytest.mark.timeout(WITHIN_S + 30)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_scenario_comes_out_the_same_when_processes_are_killed(tmp_path: Path, seed: str) -> None:
    """`kill -9` of each kind of process, in each scenario at a moment of its own, and the same result to the letter."""
    typed = played(tmp_path, "--crash", "--seed", seed)
    judged(typed)
    assert set(typed.answer["killed"]) == set(VICTIMS)
    assert typed.answer["hit"] == names()
    assert typed.answer["never_back"] == []
