"""A world in one thread whose time is made up: processes with event loops of their own, and what happens between them.

A process advances by one callback at a time, so it can be killed or frozen between any two awaits. A killed one never
runs another line, not even a `finally`; a frozen one thaws with all its timers late, as after SIGSTOP.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final, TypeVar

from services.runtime.clock import Clock

T = TypeVar("T")

_EPOCH: Final = datetime(2026, 5, 5, 2, tzinfo=UTC)
_MOST_STEPS: Final = 400_000
_MOST_ROUNDS: Final = 50


class Loop(asyncio.BaseEventLoop):
    """The event loop of one process: no sockets, no threads, and the world's time."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def time(self) -> float:
        """The world's."""
        return self._world.now

    def next_at(self) -> float | None:
        """When there is something to do; None where there never will be."""
        if self._ready:  # type: ignore[attr-defined]
            return self._world.now
        timers = self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
        return float(timers[0]._when) if timers else None

    def step(self) -> None:
        """Run one callback."""
        ready, timers = self._ready, self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0]._when <= self._world.now:
            handle = heapq.heappop(timers)
            handle._scheduled = False
            ready.append(handle)
        if not ready:
            return
        handle = ready.popleft()
        if not handle._cancelled:
            asyncio._set_running_loop(self)
            try:
                handle._run()
            finally:
                asyncio._set_running_loop(None)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What nobody handles in a process must not pass unseen."""
        self._world.complaints.append(str(context.get("exception") or context.get("message")))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """They are dropped when their turn comes."""


@dataclass(slots=True, eq=False, repr=False)
class Process:
    """One run of a program, from its start to its end."""

    world: World
    name: str
    loop: Loop
    alive: bool = True
    frozen: bool = False
    steps: int = 0
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def start(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something in it; when that ends by itself, so does the process."""
        task = self.loop.create_task(run())
        self.tasks.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not self.alive or task.cancelled():
            return
        self.world.ended(self, task.exception())
        self.kill()

    def kill(self) -> None:
        """It does nothing more."""
        self.alive = False
        self.world.living.remove(self)

    def freeze(self) -> None:
        """It does nothing until it thaws."""
        self.frozen = True

    def thaw(self) -> None:
        """It goes on as if nothing had been, but for the clock."""
        self.frozen = False

    async def wait(self, delay: float, act: Callable[[], T]) -> T:
        """Have something happen in the world after a while, and hear of it after as long again.

        It happens also where this process dies meanwhile: what was asked of others is under way.
        """
        if self.world.over:
            raise asyncio.CancelledError
        future: asyncio.Future[T] = self.loop.create_future()

        def happens() -> None:
            try:
                result = act()
            except Exception as error:  # noqa: BLE001 - it is the asker's
                failure = error
                self.world.after(delay, lambda: None if future.done() else future.set_exception(failure))
            else:
                self.world.after(delay, lambda: None if future.done() else future.set_result(result))
            self.world.mischief(self)

        self.world.after(delay, happens)
        return await future


@dataclass(frozen=True, slots=True)
class WorldClock(Clock):
    """Wall time as a machine of a world has it: right, unless that machine's clock is off."""

    world: World | None = None
    machine: str = ""

    def now(self) -> datetime:
        """In the spring of 2026."""
        assert self.world is not None
        return _EPOCH + timedelta(seconds=self.world.now + self.world.skews.get(self.machine, 0.0))


@dataclass(slots=True, eq=False, repr=False)
class World:
    """Time, chance, the processes, and what is going to happen."""

    seed: int
    database: str | None = None
    """The URL of what its processes keep their books in; without one they are in memory."""
    now: float = 0.0
    chance: random.Random = field(init=False)
    living: list[Process] = field(default_factory=list)
    over: bool = False
    complaints: list[str] = field(default_factory=list)
    ends: list[tuple[str, BaseException | None]] = field(default_factory=list)
    skews: dict[str, float] = field(default_factory=dict)
    """By how many seconds the clock of each machine is wrong."""
    on_end: Callable[[Process], None] = lambda _: None
    mischief: Callable[[Process], None] = lambda _: None
    """Hears of every moment at which something was done for a process that it does not know yet."""
    steps: int = 0
    _loops: list[Loop] = field(default_factory=list)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def process(self, name: str) -> Process:
        """A new process, without anything to do yet."""
        started = Process(self, name, Loop(self))
        self.living.append(started)
        self._loops.append(started.loop)
        return started

    def after(self, delay: float, act: Callable[[], None]) -> None:
        """Have something happen."""
        heapq.heappush(self._events, (self.now + delay, next(self._order), act))

    def ended(self, process: Process, error: BaseException | None) -> None:
        """A process has ended by itself."""
        self.ends.append((process.name, error))
        self.on_end(process)

    def short(self) -> float:
        """A moment, as answers take."""
        return self.chance.uniform(0.001, 0.02)

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Let time go by until a moment, or until something is so; whether it was."""
        while not done():
            at, process = self._next()
            if at > until:
                self.now = max(self.now, until)
                return done()
            self.now = max(self.now, at)
            self.steps += 1
            assert self.steps < _MOST_STEPS, f"seed {self.seed}: it runs hot"
            if process is None:
                heapq.heappop(self._events)[2]()
            else:
                process.steps += 1
                process.loop.step()
        return True

    def end(self) -> None:
        """Unwind what never ended, in silence; nothing of it reaches the world."""
        self.over = True
        self._events.clear()
        for loop in self._loops:
            for _ in range(_MOST_ROUNDS):
                tasks = asyncio.all_tasks(loop)
                if not tasks:
                    break
                for task in tasks:
                    task.cancel()
                while loop.next_at() == self.now:
                    loop.step()
                self.now += 1
            assert not asyncio.all_tasks(loop), asyncio.all_tasks(loop)
            loop.close()

    def _next(self) -> tuple[float, Process | None]:
        """What comes first; of several processes that could go on at one moment, any."""
        best = self._events[0][0] if self._events else float("inf")
        chosen: list[Process] = []
        for process in self.living:
            if process.frozen:
                continue
            at = process.loop.next_at()
            if at is None or at > best:
                continue
            at = max(at, self.now)
            if at < best:
                best, chosen = at, [process]
            else:
                chosen.append(process)
        if not chosen:
            return best, None
        return best, chosen[0] if len(chosen) == 1 else self.chance.choice(chosen)
