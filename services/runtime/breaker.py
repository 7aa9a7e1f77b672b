"""The circuit breaker of one organisation: whether it may be called at all, and why not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

FAILURES_TO_OPEN: Final = 5
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0


class State(StrEnum):
    """Closed lets all calls through, open none, half-open one, whose result decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(slots=True)
class Breaker:
    """Opens after some failures in a row, when the organisation asks for a pause, or when a person says so.

    It only decides; who waits for it is the gate's business. `changed` hears of every change of state. Times are
    those of `now`, in seconds.
    """

    organisation: str
    changed: Callable[[Breaker], None] = lambda _: None
    now: Callable[[], float] = time.monotonic
    state: State = State.CLOSED
    reason: str | None = None
    probe_at: float = 0.0
    """When one call may probe; infinite while a person holds it open."""
    _away_s: float = 0.0
    _away_since: float | None = None
    _failures: int = 0
    _about: set[str] = field(default_factory=set)
    _asked: bool = False
    _pause_s: float = FIRST_PAUSE_S

    def admits(self) -> bool:
        """Whether a call may start now. On an open breaker that is due, the caller becomes the probe."""
        if self.state is State.CLOSED:
            return True
        if self.state is State.OPEN and self.now() >= self.probe_at:
            self._become(State.HALF_OPEN, self.reason)
            return True
        return False

    @property
    def away_s(self) -> float:
        """How many seconds it has not been closed, all in all: that much of any wait was not a matter of one call."""
        return self._away_s + (self.now() - self._away_since if self._away_since is not None else 0.0)

    def succeeded(self) -> None:
        """The organisation gave an answer that makes sense, whatever it said."""
        self._failures = 0
        self._about.clear()
        self._pause_s = FIRST_PAUSE_S
        if self.state is State.OPEN and self._asked:
            return  # a call from before; the pause that was asked for still holds
        if self.state is not State.CLOSED:
            self._become(State.CLOSED, None)

    def failed(self, reason: str, pause_s: float | None = None, about: str | None = None) -> None:
        """The organisation did not answer, answered nonsense, or asked for a pause of so many seconds.

        `about` says whose call it was where the fault may lie in what was asked: one vehicle whose command always
        fails must not hold the others, so of such failures only those about different vehicles count.
        """
        if about is None or about not in self._about:
            self._failures += 1
        if about is not None:
            self._about.add(about)
        if self.state is State.CLOSED and pause_s is None and self._failures < FAILURES_TO_OPEN:
            return
        if self.state is State.OPEN and pause_s is None:
            return  # a call that was already under way when it opened
        until = self.now() + (pause_s if pause_s is not None else self._pause_s)
        # An answer that asks for less than an earlier one does not take that one back.
        self.probe_at = max(self.probe_at, until) if self.state is State.OPEN else until
        self._asked = pause_s is not None
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._become(State.OPEN, reason)

    def abandoned(self) -> None:
        """The call that was to probe never came to a result; let the next one probe."""
        if self.state is State.HALF_OPEN:
            self.probe_at = self.now()
            self._become(State.OPEN, self.reason)

    def pause(self, reason: str) -> None:
        """Hold everything until `probe`, as a person wants it."""
        self.adopt(State.OPEN, reason, math.inf)

    def probe(self) -> None:
        """Let one call probe now, however long the pause was to be."""
        if self.state is State.OPEN:
            self.adopt(State.OPEN, self.reason, self.now())

    def adopt(self, state: State, reason: str | None, probe_at: float) -> None:
        """Take over what is known elsewhere: a person's will, another process, or the one before this."""
        self._asked = state is State.OPEN and probe_at > self.now()
        self.probe_at = probe_at
        self._become(state, reason)

    def _become(self, state: State, reason: str | None) -> None:
        if self.state is State.CLOSED and state is not State.CLOSED:
            self._away_since = self.now()
        elif state is State.CLOSED:
            self._away_s, self._away_since = self.away_s, None
        self.state, self.reason = state, reason
        self.changed(self)
