"""One timeline for all scenarios of a run: what is to happen at each of its moments, and whom a crash hits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from .catalogue import Scenario
from .steps import Step

VICTIMS: Final = ("simulator", "intake", "journey", "dispatch", "console")
"""Every kind of process of ours."""
_SOON_S: Final = 2.0


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


def kills(seed: int, moments: int, scenarios: int) -> list[Kill]:
    """Where a run is hit: one process of a single scenario; of several, each kind of process once, spread over them."""
    random = Random(seed)  # noqa: S311 - a repeatable run
    victims = random.sample(VICTIMS, k=len(VICTIMS) if scenarios > 1 else 1)
    places = random.sample(range(moments), k=min(moments, len(victims)))
    places += random.choices(range(moments), k=len(victims) - len(places))
    return [
        Kill(place, victim, round(random.uniform(0, _SOON_S), 2)) for place, victim in zip(places, victims, strict=True)
    ]
