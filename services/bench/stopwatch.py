"""How fast messages are finished, once connections stand and caches are warm."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stopwatch:
    """Counts what is finished; the clock runs from the end of the warm-up to the last that counts."""

    messages: int
    warm_up: float = 0.1
    """The share of the messages that are finished before the clock starts."""
    done: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    measured: dict[str, float] = field(default_factory=dict)
    """Messages a second, and microseconds of this process's CPU for each."""
    _began: float = 0.0
    _cpu: float = 0.0
    _warm: int = field(init=False)

    def __post_init__(self) -> None:
        self._warm = max(1, int(self.messages * self.warm_up))

    def count(self) -> None:
        """One more is finished."""
        self.done += 1
        if self.done == self._warm:
            self._began, self._cpu = time.perf_counter(), time.process_time()
        elif self.done == self.messages:
            timed = self.messages - self._warm
            self.measured["per_s"] = timed / (time.perf_counter() - self._began)
            self.measured["cpu_us"] = (time.process_time() - self._cpu) / timed * 1e6
            self.ended.set()

    async def until_ended(self, working: asyncio.Task[None]) -> dict[str, float]:
        """What was measured, once all that counts is finished. Raises what ended the work before."""
        ended = asyncio.create_task(self.ended.wait())
        await asyncio.wait({working, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not self.ended.is_set():
            working.result()
        return self.measured
