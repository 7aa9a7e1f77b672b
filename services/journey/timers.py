"""The journey's alarm clock: timers from the store, oldest first, each heard in an act of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import Connection

from services.runtime.clock import Clock
from services.runtime.store import Store

from . import store as cases
from .process import Process

AT_ONCE: Final = 200
_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class AlarmClock:
    """Looks for due timers by the injected clock, again and again."""

    store: Store
    clock: Clock
    process: Process
    pause_s: float = _PAUSE_S

    async def run(self) -> None:
        """Ring for as long as the service lives."""
        while True:
            if not await self.ring():
                await asyncio.sleep(self.pause_s)

    async def ring(self) -> int:
        """Let a batch of due timers be heard; how many there were."""
        due = await self.store.read(partial(_due, clock=self.clock))
        await asyncio.gather(
            *(self.store.run(partial(self.process.wake, case_id=case, timer=timer)) for case, timer in due)
        )
        return len(due)


def _due(connection: Connection, clock: Clock) -> list[tuple[str, str]]:
    return cases.due_timers(connection, clock.now(), AT_ONCE)
