"""What goes wrong with a request, by the knobs of whom it was sent to: decided here, done by whatever it came over.

A face has every knob by asking two questions: `before` its agency looks at a request, `after` it has looked.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum

from services.simulator.faults import Faults
from services.simulator.world import Outcome, World

Chance = Callable[[], float]
Pause = Callable[[float], Awaitable[None]]


class Mishap(Enum):
    """What the caller gets instead of the answer."""

    CUT = "cut"
    """The connection ends without a word, and nothing happens."""
    BUSY = "busy"
    """The agency says in its own words that it is down, and nothing happens."""
    THROTTLED = "throttled"
    """It is asked to come back in a second, and nothing happens."""
    ERROR = "error"
    """What stands before the agency breaks, and nothing happens."""
    HANG = "hang"
    """Nothing, for as long as it waits."""
    ENDLESS = "endless"
    """The beginning of an answer that goes on for `LONGEST` bytes."""
    GARBAGE = "garbage"
    """Bytes that are no message at all."""
    WRONG_SCHEMA = "wrong-schema"
    """A message about something else."""
    DUPLICATE = "duplicate"
    """The answer of this organisation before this one, once more."""


@dataclass(slots=True)
class Mishaps:
    """All organisations' bad luck. `chance` draws for rates, `pause` lets time pass."""

    world: World
    chance: Chance = random.random
    pause: Pause = asyncio.sleep
    _window: dict[str, tuple[int, int]] = field(default_factory=dict)

    def fate(self, organisation: str) -> Fate:
        """What is in store for a request that came just now. Raises `Unknown`."""
        return Fate(self, organisation, self.world.faults(organisation))

    def over_limit(self, organisation: str, limit: int | None) -> bool:
        """Count a request against its second."""
        if limit is None:
            return False
        second = int(asyncio.get_running_loop().time())
        before, count = self._window.get(organisation, (second, 0))
        count = count + 1 if before == second else 1
        self._window[organisation] = (second, count)
        return count > limit


@dataclass(frozen=True, slots=True)
class Fate:
    """The knobs as they stood when a request came: it keeps them, whatever is turned meanwhile."""

    mishaps: Mishaps
    organisation: str
    faults: Faults

    async def before(self) -> Mishap | None:
        """What happens instead of the agency looking at it; first the delay that all requests have."""
        faults = self.faults
        await self._delayed()
        if faults.down is not None:
            return Mishap.CUT if faults.down == "refuse" else Mishap.BUSY
        if self.mishaps.over_limit(self.organisation, faults.throttle_per_s):
            return Mishap.THROTTLED
        if self._drawn(faults.hang):
            return Mishap.HANG
        return Mishap.ERROR if self._drawn(faults.error_rate) else None

    async def after(self, outcome: Outcome) -> Mishap | None:
        """What happens to the answer; a late one only comes later."""
        faults = self.faults
        if outcome.silent or (outcome.fresh and self._drawn(faults.success_then_timeout)):
            return Mishap.HANG
        if self._drawn(faults.late):
            await self.mishaps.pause(faults.late_ms / 1000)
        if self._drawn(faults.huge):
            return Mishap.ENDLESS
        if self._drawn(faults.garbage):
            return Mishap.GARBAGE
        if self._drawn(faults.wrong_schema):
            return Mishap.WRONG_SCHEMA
        return Mishap.DUPLICATE if self._drawn(faults.duplicate) else None

    async def _delayed(self) -> None:
        tail = self.faults.tail_ms if self._drawn(self.faults.tail_rate) else 0
        wait = self.faults.delay_ms + tail
        if wait:
            await self.mishaps.pause(wait / 1000)

    def _drawn(self, rate: float) -> bool:
        return rate > 0 and self.mishaps.chance() < rate
