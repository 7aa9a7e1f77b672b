"""One timeline for all scenarios of a run: what is to happen at each of its moments, and whom a crash hits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from random import Random
from typing import Final

from .catalogue import Scenario
from .steps import Step

VICTIMS: Final = ("simulator", "intake", "journey", "dispatch", "projection", "console")
"""Every kind of process of ours."""
_SOON_S: Final = 1.5
_MORE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Instant:
    """What happens at one moment, by scenario, and which of them it is the last moment of."""

    at: datetime
    steps: Mapping[str, Sequence[Step]]
    ending: frozenset[str]


@dataclass(frozen=True, slots=True)
class Kill:
    """`kill -9` of one process, so many seconds after an instant of the timeline began."""

    instant: int
    victim: str
    after_s: float


def instants(scenarios: Sequence[Scenario]) -> list[Instant]:
    """All moments in order. Scenarios share them: side by side, a run has no more moments than it has times."""
    steps: dict[datetime, dict[str, list[Step]]] = {}
    for scenario in scenarios:
        for step in scenario.steps:
            steps.setdefault(step.moment(scenario.began), {}).setdefault(scenario.name, []).append(step)
    ends = {scenario.name: scenario.ends for scenario in scenarios}
    return [Instant(at, steps[at], frozenset(name for name in steps[at] if ends[name] == at)) for at in sorted(steps)]


def kills(seed: int, moments: Sequence[Instant]) -> list[Kill]:
    """Where a run is hit: every scenario at one of its own moments, and, of several scenarios, every kind of process.

    A scenario alone is hit once. Which process, when, and at which moment is the seed's.
    """
    random = Random(seed)  # noqa: S311 - a repeatable run
    names = sorted({name for one in moments for name in one.steps})
    places = _covering(random.sample(names, k=len(names)), moments, random)
    if len(names) > 1:
        places += random.choices(range(len(moments)), k=len(VICTIMS) - len(places))
    victims = cycle(random.sample(VICTIMS, k=len(VICTIMS)))
    # Where more scenarios are at work it takes longer.
    within_s = [_SOON_S + _MORE_S * len(one.steps) for one in moments]
    return [Kill(place, next(victims), round(random.uniform(0, within_s[place]), 2)) for place in places]


def _covering(names: Sequence[str], moments: Sequence[Instant], random: Random) -> list[int]:
    """Some of the moments, among which each of these scenarios has one of its own."""
    places: list[int] = []
    for name in names:
        own = [number for number, one in enumerate(moments) if name in one.steps]
        if not set(own) & set(places):
            places.append(random.choice(own))
    return places
