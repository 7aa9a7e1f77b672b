"""How long ago calls ended that may have had their effect, by the loop's clock: the wall's may leap meanwhile.

Only this process's own, and only for a while: another process has nothing but the wall's clock to go by.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

_REMEMBERED_S: Final = 600.0
"""Longer than any agency takes to carry out what it has been sent."""


@dataclass(slots=True)
class Doubts:
    """Of one organisation's calls, each by its span: a delivery may have been called by another process since."""

    _ended: dict[str, float] = field(default_factory=dict)

    def note(self, span_id: str) -> None:
        """A call has just ended so."""
        now = asyncio.get_running_loop().time()
        self._ended[span_id] = now
        while (oldest := next(iter(self._ended))) and now - self._ended[oldest] > _REMEMBERED_S:
            del self._ended[oldest]

    def ago_s(self, span_id: str | None) -> float | None:
        """Since then; None where nothing is remembered."""
        ended = self._ended.get(span_id) if span_id else None
        return None if ended is None else asyncio.get_running_loop().time() - ended
