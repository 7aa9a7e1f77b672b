"""Tells work that stands still from work that is slow, idle or waiting for somebody else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_LONGEST_STEP_S: Final = 1.0


@dataclass(slots=True)
class Watchdog:
    """Counts how long nothing was finished. A process that was frozen itself counts only the time it could work."""

    limit_s: float
    _finished: int = 0
    _still_s: float = 0.0
    _looked_at: float | None = field(default=None)

    def stands_still(self, now: float, finished: int, *, excused: bool) -> bool:
        """Look again; whether nothing was finished for the limit, for no reason that excuses it."""
        step = 0.0 if self._looked_at is None else min(now - self._looked_at, _LONGEST_STEP_S)
        self._looked_at = now
        moved = finished != self._finished
        self._finished = finished
        self._still_s = 0.0 if moved or excused else self._still_s + step
        return self._still_s >= self.limit_s

    def again(self) -> None:
        """Begin to count anew."""
        self._still_s = 0.0
