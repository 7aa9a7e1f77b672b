"""Whether the event loop turns, seen by a thread: a loop that is blocked can tell nobody so itself."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from observability import logs

BLOCKED: Final = 70
_LOOK_EVERY_S: Final = 1.0
_LONGEST_STEP_S: Final = 2.0
"""A process that was frozen itself counts only the time in which it could have worked."""


def _end() -> None:
    sys.stdout.flush()
    os._exit(BLOCKED)


@dataclass(slots=True)
class LoopWatch:
    """Says where the loop stands once it has not turned for a third of the limit, and ends the process at the limit.

    Heartbeats to Kafka run on the loop, and so does every answer: after 30 s our place in the groups is gone.
    """

    limit_s: float
    end: Callable[[], None] = _end
    now: Callable[[], float] = time.monotonic
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _watched: int = field(default_factory=threading.get_ident)
    _stop: threading.Event = field(default_factory=threading.Event)
    _turned: bool = True
    _still_s: float = 0.0
    _told: bool = False
    _looked_at: float | None = None

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="loop watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(min(_LOOK_EVERY_S, self.limit_s / 10)):
            self.look()

    def look(self) -> None:
        """See whether the loop has turned since the last look."""
        now = self.now()
        step = 0.0 if self._looked_at is None else min(now - self._looked_at, _LONGEST_STEP_S)
        self._looked_at = now
        if self._turned:
            self._turned, self._still_s, self._told = False, 0.0, False
            self._ask()
            return
        self._still_s += step
        if self._still_s >= self.limit_s / 3 and not self._told:
            self._told = True
            logs.get().error("loop_blocked", seconds=round(self._still_s, 1), stack=self._stack())
        if self._still_s >= self.limit_s:
            logs.get().error("loop_lost", seconds=round(self._still_s, 1), stack=self._stack())
            self.end()

    def _ask(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._turn)
        except RuntimeError:
            self._stop.set()  # the loop is closed: there is nothing left to watch

    def _turn(self) -> None:
        self._turned = True

    def _stack(self) -> str:
        """Where the loop's thread is: files, lines and code, never a value."""
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - the documented way to see another thread
        return "".join(traceback.format_stack(frame)) if frame else ""
