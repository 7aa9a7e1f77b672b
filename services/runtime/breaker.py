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
    """Opens after some failures in a row, or when the organisation asks for a pause; or a person holds it.

    It only decides; who waits for it is the gate's business. What a person holds stays held whatever calls come to;
    what these show is noted underneath. `changed` hears of every change that it found out by itself. Times are those
    of `now`, in seconds.
    """

    organisation: str
    changed: Callable[[Breaker], None] = lambda _: None
    now: Callable[[], float] = time.monotonic
    own: State = State.CLOSED
    """What calls have shown, a person's word apart."""
    own_reason: str | None = None
    due_at: float = 0.0
    """When one call may probe, where it is open by itself."""
    held: str | None = None
    """Why a person holds it; nothing but a person's word ends that."""
    _away_s: float = 0.0
    _away_since: float | None = None
    _failures: int = 0
    _about: set[str] = field(default_factory=set)
    _asked: bool = False
    _pause_s: float = FIRST_PAUSE_S

    @property
    def state(self) -> State:
        """How it stands all in all."""
        return self.own if self.held is None else State.OPEN

    @property
    def reason(self) -> str | None:
        """Why it is not closed."""
        return self.own_reason if self.held is None else self.held

    @property
    def probe_at(self) -> float:
        """When one call may probe; infinite while a person holds it."""
        return self.due_at if self.held is None else math.inf

    def admits(self) -> bool:
        """Whether a call may start now. On an open breaker that is due, the caller becomes the probe."""
        if self.held is not None:
            return False
        if self.own is State.CLOSED:
            return True
        if self.own is State.OPEN and self.now() >= self.due_at:
            self._become(State.HALF_OPEN, self.own_reason)
            return True
        return False

    @property
    def may_lie_in_calls(self) -> bool:
        """Whether calls failed in a way that may be the fault of what they ask."""
        return bool(self._about)

    @property
    def away_s(self) -> float:
        """How many seconds it has not been closed, all in all: that much of any wait was not a matter of one call."""
        return self._away_s + self.gone_s

    @property
    def gone_s(self) -> float:
        """For how many seconds on end it has not been closed."""
        return 0.0 if self._away_since is None else self.now() - self._away_since

    def succeeded(self) -> None:
        """The organisation gave an answer that makes sense, whatever it said."""
        self._forget_failures()
        if self.own is State.OPEN and self._asked:
            return  # a call from before; the pause that was asked for still holds
        if self.own is not State.CLOSED:
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
        if self.own is State.CLOSED and pause_s is None and self._failures < FAILURES_TO_OPEN:
            return
        if self.own is State.OPEN and pause_s is None:
            return  # a call that was already under way when it opened
        until = self.now() + (pause_s if pause_s is not None else self._pause_s)
        if self.own is State.OPEN and until < self.due_at:
            # An answer that asks for less than an earlier one does not take that one back, nor is it why we wait.
            until, reason = self.due_at, self.own_reason or reason
        self.due_at = until
        self._asked = pause_s is not None
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._become(State.OPEN, reason)

    def abandoned(self) -> None:
        """The call that was to probe never came to a result; let the next one probe."""
        if self.own is State.HALF_OPEN:
            self.due_at = self.now()
            self._become(State.OPEN, self.own_reason)

    def hold(self, reason: str) -> None:
        """Let nobody through until `let_go`, as a person wants it."""
        self.held = reason
        self._note_away()

    def let_go(self) -> None:
        """The person holds it no more: what calls have shown counts again."""
        self.held = None
        self._note_away()

    def adopt(self, state: State, reason: str | None, due_at: float) -> None:
        """Take over what is known elsewhere: by another process, or the one before this."""
        if state is State.CLOSED:
            self._forget_failures()
        self._asked = state is State.OPEN and due_at > self.now()
        self.own, self.own_reason, self.due_at = state, reason, due_at
        self._note_away()

    def _forget_failures(self) -> None:
        self._failures = 0
        self._about.clear()
        self._pause_s = FIRST_PAUSE_S

    def _become(self, state: State, reason: str | None) -> None:
        self.own, self.own_reason = state, reason
        self._note_away()
        self.changed(self)

    def _note_away(self) -> None:
        if self.state is State.CLOSED:
            self._away_s, self._away_since = self.away_s, None
        elif self._away_since is None:
            self._away_since = self.now()
