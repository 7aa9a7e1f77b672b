"""Where an organisation bears fewer calls at once than its topic has partitions, the partitions take turns.

Shared out among many, less than one call would be left for each; were that rounded up, all together would make more
than it bears, and rounded down, some vehicles would wait for ever. So there are just as many slots as calls that it
bears, and from turn to turn they move on by one partition: whoever owns it has the slot. Nobody has to be asked, but
the clocks of all must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_APART_S: Final = 1.0
"""The clocks of two machines agree better than that."""
_EDGES: Final = 4
"""So many times as long as its edge is a turn: at the edge slots stand empty."""


@dataclass(frozen=True, slots=True)
class Turns:
    """How many calls at once the partitions of one process may make at the moment."""

    mine: frozenset[int]
    partitions: int
    concurrency: int
    call_s: float
    """No call lasts longer."""
    now: Callable[[], float]
    """Seconds since 1970, by the wall's clock: the only one that several processes have."""

    @property
    def slots(self) -> int:
        """At the edge of a turn no call begins that would still be under way when its slot is another's."""
        turn, left_s = self._turn()
        slots = self._slots_in(turn)
        return min(slots, self._slots_in(turn + 1)) if left_s <= self._edge_s else slots

    @property
    def next_in_s(self) -> float:
        """When there may be more."""
        return self._turn()[1]

    @property
    def _edge_s(self) -> float:
        return self.call_s + _APART_S

    def _turn(self) -> tuple[int, float]:
        """Which turn it is, and for how long still."""
        lasts_s = self._edge_s * _EDGES
        turn, past_s = divmod(self.now(), lasts_s)
        return int(turn), lasts_s - past_s

    def _slots_in(self, turn: int) -> int:
        return sum((number - turn) % self.partitions < self.concurrency for number in self.mine)
