"""One process kept alive: started, watched, replaced when it dies or hangs, stopped within bounds."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from services.stack import processes
from services.stack.processes import Identity
from services.stack.pulse import Pulse
from services.stack.state import ChildState

_PAUSES = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0)
_STEADY_AFTER = 10.0
_LARGEST_LOG = 50 * 1024 * 1024


def pauses() -> Iterator[float]:
    """Waits before each replacement: at once the first time, never longer than the last of them."""
    return itertools.chain(_PAUSES, itertools.repeat(_PAUSES[-1]))


Alive = Callable[[], bool]
"""Asks a process whether it lives; may block for some seconds."""


@dataclass(frozen=True)
class Command:
    """How a child is started, how it is asked whether it lives, and how long it may take to stop."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    port: int
    log: Path
    grace: float = 10.0
    alive: Alive | None = None
    """Without it nobody can tell whether it hangs."""
    hang_s: float = 20.0
    """It is killed after so long without an answer."""


Changed = Callable[[str, ChildState], None]
"""Told of every start, before anything else is done."""
Failed = Callable[[str, OSError], None]
"""Told when the system would not start it."""
Hung = Callable[[str, float], None]
"""Told when it lives and has not answered for so many seconds, before it is killed."""


@dataclass
class Child:
    """A command and the process that at the moment carries it out."""

    command: Command
    changed: Changed
    failed: Failed
    hung: Hung
    _process: asyncio.subprocess.Process | None = None
    _restarts: int = 0
    _hangs: int = 0
    _last_exit: int | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _keeper: asyncio.Task[None] | None = field(default=None, repr=False)

    async def start(self) -> asyncio.Task[None]:
        """Start it, and return the task that keeps it alive; that task only ends by `stop` or by a fault of ours."""
        process = await self._spawn()
        self._keeper = asyncio.create_task(self._keep(process), name=self.command.name)
        return self._keeper

    async def stop(self) -> None:
        """End it, and whatever it started, within its grace."""
        self._stopping.set()
        if self._process is None or self._keeper is None:
            return
        self._terminate()
        done, _ = await asyncio.wait({self._keeper}, timeout=self.command.grace)
        if not done:
            processes.kill_group(self._process.pid)
        await self._keeper

    def _terminate(self) -> None:
        with suppress(ProcessLookupError):
            if self._process is not None:
                self._process.terminate()

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        waits = pauses()
        while True:
            started = time.monotonic()
            self._last_exit = await self._ended(process)
            # What it left running would work beside its successor.
            processes.kill_group(process.pid)
            if time.monotonic() - started > _STEADY_AFTER:
                waits = pauses()
            successor = await self._replace(waits)
            if successor is None:
                return
            process = successor

    async def _ended(self, process: asyncio.subprocess.Process) -> int:
        """Its exit code, once it has died, or was killed because it hangs: two in one place would fight for it."""
        dying = asyncio.create_task(process.wait())
        hanging = asyncio.create_task(self._silent(Identity.of_new(process.pid)))
        await asyncio.wait({dying, hanging}, return_when=asyncio.FIRST_COMPLETED)
        if not dying.done():
            self._note_hang(hanging.result())
            processes.kill_group(process.pid)
        hanging.cancel()
        return await dying

    async def _silent(self, identity: Identity) -> float:
        """Return once it hangs, with the seconds it did; whoever is being stopped has its grace instead."""
        if self.command.alive is None:
            await asyncio.Event().wait()
            raise AssertionError
        pulse = Pulse(self.command.hang_s)
        while True:
            await asyncio.sleep(pulse.look_every_s)
            answered = await asyncio.to_thread(self.command.alive)
            if pulse.gone(answered=answered, frozen=identity.is_frozen()) and not self._stopping.is_set():
                return self.command.hang_s

    def _note_hang(self, seconds: float) -> None:
        self._hangs += 1
        self.hung(self.command.name, seconds)

    async def _replace(self, waits: Iterator[float]) -> asyncio.subprocess.Process | None:
        for seconds in waits:
            await self._pause(seconds)
            if self._stopping.is_set():
                return None
            self._restarts += 1
            try:
                process = await self._spawn()
            except OSError as problem:
                # No memory or no descriptors for a moment: one more reason to wait, none to let the others down.
                self.failed(self.command.name, problem)
                continue
            if self._stopping.is_set():
                self._terminate()
            return process
        return None

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._roll_log()
        with self.command.log.open("ab") as log:
            # A session of its own: the terminal's Ctrl-C is the supervisor's alone, and the group can be killed whole.
            process = await asyncio.create_subprocess_exec(
                *self.command.argv,
                env=dict(self.command.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._process = process
        self.changed(self.command.name, self._state(process.pid))
        return process

    def _state(self, pid: int) -> ChildState:
        identity = Identity.of_new(pid)
        return ChildState(
            pid=identity.pid,
            started=identity.started,
            port=self.command.port,
            log=str(self.command.log),
            restarts=self._restarts,
            hangs=self._hangs,
            last_exit=self._last_exit,
        )

    def _roll_log(self) -> None:
        # Only between two lives: a process writes on into the file it was given.
        with suppress(FileNotFoundError):
            if self.command.log.stat().st_size > _LARGEST_LOG:
                self.command.log.replace(self.command.log.with_suffix(".log.1"))
