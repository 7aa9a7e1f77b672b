"""The journey's alarm clock: timers from the store, oldest first, each heard in an act of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final, get_args

from sqlalchemy import Connection

from contracts.case import Headline
from observability import logs, metrics
from services.runtime.clock import Clock
from services.runtime.store import Store, StoreUnavailable

from . import store as cases
from .process import Process

AT_ONCE: Final = 200
_PAUSE_S: Final = 0.5
_CENSUS_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class AlarmClock:
    """Looks for due timers by the injected clock, again and again."""

    store: Store
    clock: Clock
    process: Process
    pause_s: float = _PAUSE_S

    async def run(self) -> None:
        """Ring for as long as the service lives; waits out a store that cannot write."""
        while True:
            try:
                more = await self.ring() == AT_ONCE
            except StoreUnavailable as away:
                logs.get().warning("store_unavailable", task="timers", error=str(away))
                more = False
            if not more:
                await asyncio.sleep(self.pause_s)

    async def census(self) -> None:
        """Keep the gauges of cases and timers true."""
        while True:
            found = dict(await self.store.read(cases.counts))
            metrics.gauge("tongche_timers_waiting", found.pop("TIMERS"))
            del found["UNPLACED"]
            for headline in get_args(Headline):
                metrics.gauge("tongche_cases", found.get(headline, 0), state=headline)
            await asyncio.sleep(_CENSUS_S)

    async def ring(self) -> int:
        """Let a batch of due timers be heard; how many there were."""
        due = await self.store.read(partial(_due, clock=self.clock))
        await asyncio.gather(
            *(self.store.run(partial(self.process.wake, case_id=case, timer=timer)) for case, timer in due)
        )
        return len(due)


def _due(connection: Connection, clock: Clock) -> list[tuple[str, str]]:
    return cases.due_timers(connection, clock.now(), AT_ONCE)
