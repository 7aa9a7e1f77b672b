"""A seeded personality: an organisation's moods one after the other, the same for the same seed. Pure.

A personality has favourite moods and its own restlessness. Between any two storms it is calm for a while, so that
work goes on; after a season the moods come round again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any, Final

from services.simulator.faults import Faults

Strength = float
"""From 0, hardly to be felt, to 1."""

SPELLS: Final = 96
"""In a season: calm and storm by turns."""
_CALM_S: Final = (4.0, 15.0)
_STORM_S: Final = (3.0, 12.0)


def _between(low: float, high: float) -> Callable[[Strength], float]:
    return lambda strength: round(low + (high - low) * strength, 3)


def _whole(low: int, high: int) -> Callable[[Strength], int]:
    return lambda strength: round(low + (high - low) * strength)


def _always(value: object) -> Callable[[Strength], object]:
    return lambda _: value


MOODS: Final[Mapping[str, Mapping[str, Callable[[Strength], Any]]]] = {
    "slow": {"delay_ms": _whole(200, 2_000)},
    "uneven": {"tail_ms": _whole(1_000, 4_000), "tail_rate": _between(0.05, 0.4)},
    "down": {"down": _always("503"), "retry_after_s": _whole(1, 5)},
    "cut": {"down": _always("refuse")},
    "throttled": {"throttle_per_s": _whole(10, 1)},
    "flaky": {"error_rate": _between(0.1, 0.6)},
    "mute": {"success_then_timeout": _between(0.1, 0.5)},
    "deaf": {"hang": _between(0.05, 0.3)},
    "garbled": {"garbage": _between(0.05, 0.3), "wrong_schema": _between(0.05, 0.3)},
    "repetitive": {"duplicate": _between(0.1, 0.5)},
    "late": {"late": _between(0.2, 0.7), "late_ms": _whole(300, 3_000)},
    "endless": {"huge": _between(0.02, 0.1)},
}
"""What an organisation can be like, by how strongly: knobs that go wrong by themselves. `forgetful` is none: an
organisation that says it knows keys and does not is broken for good, not in a mood."""


@dataclass(frozen=True, slots=True)
class Spell:
    """A mood for a while, with the knobs that hold then; without a mood it is calm. Times are in seconds."""

    mood: str | None
    knobs: Mapping[str, Any]
    begins: float
    lasts: float


def mood(name: str, strength: Strength = 0.5) -> dict[str, Any]:
    """The knobs of a mood. Raises KeyError for one that nobody knows."""
    return {knob: value(strength) for knob, value in MOODS[name].items()}


@cache
def season(seed: int, organisation: str) -> tuple[Spell, ...]:
    """All spells of a personality in their order, from the moment on which it was let loose."""
    # By its text, so that no hash of this process comes into it; and only `random()`, which no Python changes.
    chance = Random(f"{seed} {organisation}").random  # noqa: S311 - a repeatable run
    liking = {name: chance() ** 2 + 0.02 for name in MOODS}
    restless = 0.5 + chance()
    spells: list[Spell] = []
    begins = 0.0
    for number in range(SPELLS):
        shortest, longest = _STORM_S if number % 2 else _CALM_S
        lasts = round((shortest + (longest - shortest) * chance()) / restless, 3)
        name = _liked(liking, chance()) if number % 2 else None
        spells.append(Spell(name, mood(name, chance()) if name else {}, begins, lasts))
        begins += lasts
    return tuple(spells)


def spell_at(seed: int, organisation: str, seconds: float) -> Spell:
    """The spell so many seconds after it was let loose; before that there was none, and it is the first."""
    spells = season(seed, organisation)
    within = _within(spells, seconds)
    return spells[bisect_right(spells, within, key=lambda spell: spell.begins) - 1]


def _within(spells: tuple[Spell, ...], seconds: float) -> float:
    return max(seconds, 0.0) % (spells[-1].begins + spells[-1].lasts)


def present(faults: Faults, organisation: str, now: datetime) -> Spell | None:
    """The spell that an organisation is in; None where no personality was let loose."""
    monsoon = faults.monsoon
    if monsoon is None or monsoon.since is None:
        return None
    return spell_at(monsoon.seed, organisation, (now - monsoon.since).total_seconds())


def coming(faults: Faults, organisation: str, now: datetime, number: int) -> list[tuple[Spell, float]]:
    """The spells after this one, and in how many seconds each begins; none where no personality was let loose."""
    monsoon, spell = faults.monsoon, present(faults, organisation, now)
    if monsoon is None or monsoon.since is None or spell is None:
        return []
    spells = season(monsoon.seed, organisation)
    here = spells.index(spell)
    wait = spell.lasts - (_within(spells, (now - monsoon.since).total_seconds()) - spell.begins)
    following = []
    for step in range(1, number + 1):
        one = spells[(here + step) % len(spells)]
        following.append((one, wait))
        wait += one.lasts
    return following


def effective(faults: Faults, organisation: str, now: datetime) -> Faults:
    """The knobs that hold: those of its mood before those that were turned."""
    spell = present(faults, organisation, now)
    return faults if spell is None else faults.model_copy(update=dict(spell.knobs))


def _liked(liking: Mapping[str, float], drawn: float) -> str:
    ends = list(accumulate(liking.values()))
    return list(liking)[bisect_right(ends, drawn * ends[-1])]
