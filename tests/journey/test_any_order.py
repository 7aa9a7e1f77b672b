"""Agencies that answer in any order, twice, wrongly, late or never, and people who interfere: what always holds."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.journey.case import Case
from tests.journey.madness import MadWorld
from tests.journey.road import Road

RUNS = 10_000
TURNS = 10
STEPS = 40


class Quick(Road):
    """A road whose case makes no trip through JSON at each event: that it may is shown elsewhere."""

    def stored(self) -> Case:
        """As it is."""
        return self.case


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_nothing_that_may_happen_breaks_an_invariant(data: st.DataObject) -> None:
    """Where something can, the shortest way to it is found and shown."""
    world = MadWorld(lambda options: data.draw(st.sampled_from(options)))
    for _ in range(data.draw(st.integers(0, STEPS))):
        world.step()
    world.finish()


@pytest.mark.parametrize("turn", range(TURNS))
def test_ten_thousand_mad_worlds_leave_no_case_stuck(turn: int) -> None:
    """Each by a seed of its own, and each comes to an end once everybody behaves."""
    share = RUNS // TURNS
    for seed in range(turn * share, (turn + 1) * share):
        try:
            live(seed)
        except Exception as failed:
            failed.add_note(f"seed {seed}")
            raise


def live(seed: int) -> None:
    """One mad world, and its end."""
    chance = Random(seed)
    world = MadWorld(chance.choice, Quick)
    for _ in range(chance.randint(1, STEPS)):
        world.step()
    world.finish()
