"""Whether somebody who waits in a queue merely waits for his turn, or was forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

PATIENCE_S: Final = 60.0
"""What is younger may be on its way; a frozen process may come back after so long."""
_NOTHING_YET: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class Worked:
    """How far a partition was worked through.

    `last` is when something in it was last dealt with, in seconds since 1970; `passed` is the offset of the furthest
    that was dealt with a while ago.
    """

    last: float = _NOTHING_YET
    passed: int = -1


_UNTOUCHED: Final = Worked()


@dataclass(frozen=True, slots=True)
class Queues:
    """All partitions, as of one moment.

    Vehicles of a partition overtake each other, but not by more than the patience. So whoever has waited for so long
    and was overtaken so long ago is forgotten; and so is whoever waits where nothing moves. A long queue that moves
    is only long.
    """

    now: float
    partitions: dict[tuple[str, int], Worked] = field(default_factory=dict)

    def forgot(self, topic: str, partition: int, offset: int, since: float) -> bool:
        """Whether what stands there, and could be dealt with since then, should have been dealt with by now."""
        worked = self.partitions.get((topic, partition), _UNTOUCHED)
        return self.is_old(since) and (offset < worked.passed or self.is_old(worked.last))

    def is_old(self, moment: float) -> bool:
        """Whether more than the patience has gone by since."""
        return moment <= self.now - PATIENCE_S
