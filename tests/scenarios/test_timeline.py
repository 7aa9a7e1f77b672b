"""The timeline: everybody's steps in one order, and crashes spread over it by the seed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from services.scenario.catalogue import Scenario, chosen
from services.scenario.timeline import VICTIMS, instants, kills
from services.stack.plan import SERVICES


def test_time_goes_on(scenarios: list[Scenario]) -> None:
    """Each moment is later than the one before, and no step is lost."""
    moments = instants(scenarios)
    assert all(one.at < other.at for one, other in pairwise(moments))
    assert sum(len(steps) for one in moments for steps in one.steps.values()) == sum(
        len(one.steps) for one in scenarios
    )


def test_every_scenario_ends_at_its_last_step(scenarios: list[Scenario]) -> None:
    """And is judged then, before other scenarios' leaps bring it further."""
    ends = {name: one.at for one in instants(scenarios) for name in one.ending}
    assert ends == {one.name: one.ends for one in scenarios}


def test_scenarios_share_moments(scenarios: list[Scenario]) -> None:
    """Side by side a run has fewer moments than its scenarios have one by one."""
    alone = sum(len(instants([one])) for one in scenarios)
    assert len(instants(scenarios)) < alone / 2


def test_who_can_be_killed_is_every_process_of_ours() -> None:
    """A new service is killed too."""
    assert set(VICTIMS) == {service.name for service in SERVICES}


@pytest.mark.parametrize("seed", range(50))
def test_every_scenario_is_hit_and_every_kind_of_process_killed(seed: int, scenarios: list[Scenario]) -> None:
    """Each scenario at a moment of its own, whatever the seed; and the same seed kills the same."""
    moments = instants(scenarios)
    drawn = kills(seed, moments)
    assert {name for one in drawn for name in moments[one.instant].steps} == {one.name for one in scenarios}
    assert {one.victim for one in drawn} == set(VICTIMS)
    assert drawn == kills(seed, moments)


def test_every_moment_is_hit_by_some_seed(scenarios: list[Scenario]) -> None:
    """None is too late or too rare for it."""
    moments = instants(scenarios)
    assert {one.instant for seed in range(200) for one in kills(seed, moments)} == set(range(len(moments)))


def test_a_scenario_alone_is_hit_once() -> None:
    """Whoever it is, and whenever: all of them over many seeds."""
    moments = instants(chosen(["15"]))
    drawn = [kills(seed, moments) for seed in range(100)]
    assert {len(one) for one in drawn} == {1}
    assert {one.victim for (one,) in drawn} == set(VICTIMS)
    assert {one.instant for (one,) in drawn} == set(range(len(moments)))


def test_few_moments_bear_several_kills() -> None:
    """Two scenarios of one moment each are hit by all the same."""
    assert len(kills(1, instants(chosen(["1", "2"])))) == len(VICTIMS)
