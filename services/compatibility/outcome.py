"""What came of looking for a value: one, a proof that there is none, or neither and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.compatibility.terms import Claim
from services.compatibility.values import Frozen


@dataclass(frozen=True, slots=True)
class Found:
    """A value that is as it was asked for."""

    value: Frozen


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is no such value: all cases were closed."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """A case stayed open; `why` says what of it is beyond the proof."""

    why: str


Outcome = Found | Nothing | Unsure
Problem = frozenset[Claim]
"""What one value must fit, and what it must not."""
Solve = Callable[[Problem], Outcome]

NOTHING = Nothing()


class Doubts:
    """Collects why cases stayed open while others are tried."""

    def __init__(self) -> None:
        self._whys: dict[str, None] = {}

    def hear(self, outcome: Outcome) -> None:
        """Remember it if it is a doubt."""
        if isinstance(outcome, Unsure):
            self._whys[outcome.why] = None

    def verdict(self) -> Nothing | Unsure:
        """When no case gave a value: a proof, unless one stayed open."""
        return Unsure("; ".join(self._whys)) if self._whys else NOTHING
