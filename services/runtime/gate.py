"""The gate before one organisation: how many calls at once, how many a second, and none while its breaker is open.

Who may not call yet waits here, in the order of coming, with no slot taken. What the organisation says about its
load moves the limit: 429 or 503 halves it, good answers let it grow again.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from observability import metrics

from .breaker import Breaker, State
from .turns import Turns

_AHEAD_S: Final = 0.05
"""Timers are coarse: at a high rate, so much of it may go at once."""
_LONGEST_TIMER_S: Final = 86_400.0
"""A longer pause is one without end: a person ends it, who has the gate look."""
_STEPS: Final = 64
"""In about so many rounds of calls a halved limit grows from nothing to all."""


Leaving = Callable[[], Exception | None]
"""Why whoever waits must leave; None while it may stay."""


class Late(Exception):
    """The moment passed up to which a call was worth waiting for."""


@dataclass(slots=True)
class _Waiter:
    admitted: asyncio.Future[bool]
    leaving: Leaving
    until: float


@dataclass(slots=True)
class Gate:
    """Where every call to one organisation begins and ends."""

    breaker: Breaker
    concurrency: int
    per_second: float | None = None
    share: float = 1.0
    """Which part of what the organisation bears is ours; its other workers have the rest."""
    turns: Turns | None = None
    """How many slots are ours, where it bears too few calls at once to be shared out by parts."""
    running: int = 0
    _window: float = 0.0
    _slowed_at: float = 0.0
    _next_at: float = 0.0
    _waiting: deque[_Waiter] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None
    _patience: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self._window = float(self.concurrency)

    @property
    def allowed(self) -> int:
        """How many calls of ours may run at once at the moment; one at least, but for when it is the others' turn."""
        slots = self.concurrency * self.share if self.turns is None else self.turns.slots
        return max(1, int(slots * self._window / self.concurrency)) if slots else 0

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    @property
    def free(self) -> bool:
        """Whether whoever comes now is let in at once."""
        closed = self.breaker.state is State.CLOSED
        return closed and not self._waiting and self.running < self.allowed and self._is_time()

    def slot(self, leaving: Leaving, patience_s: float) -> Slot:
        """A place for one call, to be entered with `async with`; see `Slot`."""
        return Slot(self, leaving, patience_s)

    def look(self) -> None:
        """Let in whoever may go now, and let go whoever must leave; call it when a reason to wait has changed."""
        for waiter in self._waiting:
            if not waiter.admitted.done() and (why := waiter.leaving()) is not None:
                waiter.admitted.set_exception(why)
        self._waiting = deque(self._still_waiting())
        self._admit()

    # -- the slots' side

    async def enter(self, leaving: Leaving, patience_s: float) -> bool:
        """Wait for a turn; whether this call is the probe. Raises what `leaving` says, `Late` past its patience."""
        if (why := leaving()) is not None:
            raise why
        if patience_s <= 0:
            raise Late
        if not self._waiting and self._lets_through():
            return self._take()
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop.create_future(), leaving, loop.time() + patience_s)
        self._waiting.append(waiter)
        self._admit()
        self._mind(waiter.until)
        try:
            return await waiter.admitted
        except asyncio.CancelledError:
            self._give_back(waiter)
            raise

    def leave(self) -> None:
        """Give the place to the next."""
        self.running -= 1
        self._admit()

    def answered(self) -> None:
        """A good answer came: there may be room for more."""
        if self._window < self.concurrency:
            step = max(1.0, self.concurrency / _STEPS) / self._window
            self._window = min(float(self.concurrency), self._window + step)
        self.breaker.succeeded()

    def slower(self, began: float) -> None:
        """The organisation is overloaded: half as many at once, counted once for all calls that ran together."""
        if began >= self._slowed_at:
            self._slowed_at = asyncio.get_running_loop().time()
            self._window = max(1.0, self._window / 2)
            metrics.gauge("tongche_call_limit", self.allowed, organisation=self.breaker.organisation)

    # -- whose turn it is

    def _lets_through(self) -> bool:
        if self.running >= self.allowed or not self._is_time():
            return False
        return self.breaker.admits()

    def _is_time(self) -> bool:
        return self.per_second is None or asyncio.get_running_loop().time() >= self._next_at - _AHEAD_S

    def _take(self) -> bool:
        self.running += 1
        if self.per_second is not None:
            self._next_at = max(asyncio.get_running_loop().time(), self._next_at) + 1 / (self.per_second * self.share)
        return self.breaker.state is State.HALF_OPEN

    def _admit(self) -> None:
        while self._waiting:
            if self._waiting[0].admitted.done():
                self._waiting.popleft()
            elif self._lets_through():
                self._next().admitted.set_result(self._take())
            else:
                break
        self._wake_when_due()

    def _next(self) -> _Waiter:
        """Who came first; but where the fault may lie in what is asked, anybody may have to probe.

        At the front may stand those whose calls always fail. Were they to probe one after another, with longer and
        longer pauses, a few of them would keep a healthy organisation closed to everybody.
        """
        if self.breaker.state is State.HALF_OPEN and self.breaker.may_lie_in_calls:
            place = random.randrange(len(self._waiting))  # noqa: S311 - no secret
            self._waiting[0], self._waiting[place] = self._waiting[place], self._waiting[0]
        return self._waiting.popleft()

    def _wake_when_due(self) -> None:
        """Have a look when the clock alone may let somebody in; everything else calls `look` or `leave`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._waiting:
            return
        loop, wait = asyncio.get_running_loop(), 0.0
        if self.running >= self.allowed:
            wait = math.inf if self.turns is None else self.turns.next_in_s
        elif self.breaker.state is State.OPEN:
            wait = self.breaker.probe_at - self.breaker.now()
        elif not self._is_time():
            wait = self._next_at - _AHEAD_S - loop.time()
        elif self.breaker.state is State.HALF_OPEN:
            return
        if wait < _LONGEST_TIMER_S:
            self._timer = loop.call_later(max(wait, 0.001), self._admit)

    def _mind(self, until: float) -> None:
        """One clock for the patience of all: it rings for whoever's ends first."""
        if self._patience is None or until < self._patience.when():
            if self._patience is not None:
                self._patience.cancel()
            loop = asyncio.get_running_loop()
            self._patience = loop.call_at(min(until, loop.time() + _LONGEST_TIMER_S), self._lose_patience)

    def _lose_patience(self) -> None:
        self._patience = None
        now = asyncio.get_running_loop().time()
        for waiter in self._still_waiting():
            if waiter.until <= now:
                waiter.admitted.set_exception(Late())
        self._waiting = deque(self._still_waiting())
        if self._waiting:
            self._mind(min(waiter.until for waiter in self._waiting))

    def _still_waiting(self) -> list[_Waiter]:
        return [waiter for waiter in self._waiting if not waiter.admitted.done()]

    def _give_back(self, waiter: _Waiter) -> None:
        """It was let in at the very moment at which it gave up: the next one goes instead."""
        future = waiter.admitted
        if future.done() and not future.cancelled() and future.exception() is None:
            if future.result():
                self.breaker.abandoned()
            self.leave()
        else:
            future.cancel()


@dataclass(slots=True)
class Slot:
    """One call's place. Within it, say what became of the call; a probe that says nothing is given to the next."""

    gate: Gate
    leaving: Leaving
    patience_s: float
    waited_s: float = 0.0
    """How long it waited for its turn while the organisation was there."""
    _began: float = 0.0
    _probe: bool = False
    _judged: bool = False

    async def __aenter__(self) -> Self:
        loop, breaker = asyncio.get_running_loop(), self.gate.breaker
        came, away_s = loop.time(), breaker.away_s
        self._probe = await self.gate.enter(self.leaving, self.patience_s)
        self._began = loop.time()
        self.waited_s = max(0.0, self._began - came - (breaker.away_s - away_s))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._probe and not self._judged:
            self.gate.breaker.abandoned()
        self.gate.leave()

    def answered(self) -> None:
        """The organisation is there and makes sense."""
        self._judged = True
        self.gate.answered()

    def failed(
        self, reason: str, *, pause_s: float | None = None, busy: bool = False, about: str | None = None
    ) -> None:
        """It is not there, makes no sense, or is `busy`; see `Breaker.failed`."""
        self._judged = True
        if busy:
            self.gate.slower(self._began)
        self.gate.breaker.failed(reason, pause_s, about)
