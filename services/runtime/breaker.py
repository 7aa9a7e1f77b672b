"""The circuit breaker of one organisation: it holds everybody back while the organisation is down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .lanes import Gone

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
    """Opens after some failures in a row or when the organisation asks for a pause; probes with one real call.

    `changed` hears of every change of state, for operators.
    """

    organisation: str
    changed: Callable[[Breaker], None] = lambda _: None
    now: Callable[[], float] = time.monotonic
    state: State = State.CLOSED
    reason: str | None = None
    probe_at: float = 0.0
    _failures: int = 0
    _pause_s: float = FIRST_PAUSE_S
    _turn: asyncio.Event = field(default_factory=asyncio.Event)

    async def enter(self, leaving: Callable[[], bool]) -> float:
        """Wait until a call may start; gives back how many seconds that took.

        Raises `Gone` once `leaving()`: a partition that goes must not wait for an organisation that is down.
        """
        if self.state is State.CLOSED:
            return 0.0
        began = self.now()
        while not self._lets_through():
            if leaving():
                raise Gone
            await self._wait(self._turn)
        return self.now() - began

    def succeeded(self) -> None:
        """The organisation answered, whatever it said."""
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        if self.state is not State.CLOSED:
            self._become(State.CLOSED, None)

    def failed(self, reason: str, pause_s: float | None = None) -> None:
        """The organisation did not answer, or asked for a pause of so many seconds."""
        self._failures += 1
        if self.state is State.CLOSED and pause_s is None and self._failures < FAILURES_TO_OPEN:
            return
        if self.state is State.OPEN and pause_s is None:
            return  # a call that was already under way when it opened
        until = self.now() + (pause_s if pause_s is not None else self._pause_s)
        # An answer that asks for less than an earlier one does not take that one back.
        self.probe_at = max(self.probe_at, until) if self.state is State.OPEN else until
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._become(State.OPEN, reason)

    def abandoned(self) -> None:
        """The call that was to probe never came to a result; let the next one probe."""
        if self.state is State.HALF_OPEN:
            self.probe_at = self.now()
            self._become(State.OPEN, self.reason)

    def wake(self) -> None:
        """Have everybody who waits look again whether to leave."""
        self._turn.set()
        self._turn = asyncio.Event()

    def _lets_through(self) -> bool:
        if self.state is State.CLOSED:
            return True
        if self.state is State.OPEN and self.now() >= self.probe_at:
            self._become(State.HALF_OPEN, self.reason)
            return True
        return False

    async def _wait(self, turn: asyncio.Event) -> None:
        left = max(0.01, self.probe_at - self.now()) if self.state is State.OPEN else LONGEST_PAUSE_S
        try:
            async with asyncio.timeout(left):
                await turn.wait()
        except TimeoutError:
            return  # it may be time to probe

    def _become(self, state: State, reason: str | None) -> None:
        self.state, self.reason = state, reason
        self.changed(self)
        # Whoever waits for the result of a probe that failed must learn when the next one is due.
        self.wake()
