"""When a loop looks again at what there is to do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Looks:
    """After so many seconds, or at once when somebody knows that there is something."""

    every_s: float
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    def at_once(self) -> None:
        """Have it look now, or once more after the look that is being taken."""
        self._asked.set()

    def begin(self) -> None:
        """Take a look: whoever asks from now on may know of what it does not see."""
        self._asked.clear()

    async def until_next(self) -> None:
        """Wait for the time of the next one."""
        try:
            async with asyncio.timeout(self.every_s):
                await self._asked.wait()
        except TimeoutError:
            return
