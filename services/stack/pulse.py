"""Tells a process that hangs from one that is slow, starting, or was not looked at for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_LOOKS: Final = 10
"""So often within the limit it is asked; one answer is enough."""
_LONGEST_STEP_S: Final = 5.0
"""Longer than a look and its question take: then we were frozen ourselves, and know nothing of that time."""


@dataclass(slots=True)
class Pulse:
    """Counts how long one process has not answered.

    What has never answered is still starting, however long that takes; unless the system says that it stands still.
    """

    limit_s: float
    now: Callable[[], float] = time.monotonic
    _silent_s: float = 0.0
    _answered: bool = False
    _looked_at: float | None = None

    @property
    def look_every_s(self) -> float:
        return self.limit_s / _LOOKS

    def gone(self, *, answered: bool, frozen: bool) -> bool:
        """Take in one look; whether it has been silent for the limit."""
        now = self.now()
        step = 0.0 if self._looked_at is None else min(now - self._looked_at, _LONGEST_STEP_S)
        self._looked_at = now
        self._answered = self._answered or answered
        counts = not answered and (self._answered or frozen)
        self._silent_s = self._silent_s + step if counts else 0.0
        return self._silent_s >= self.limit_s
