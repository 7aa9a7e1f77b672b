"""Processes we started: told apart from strangers that got the same number later, and ended for certain."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil

# Start times move when the system's clock is set right; a number used again is never this near.
_SAME_START = 2.0
_KILL_WITHIN = 10.0
_LOOK_EVERY = 0.02


@dataclass(frozen=True)
class Identity:
    """A process number alone says nothing: numbers come back. Number and start time do."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Identity:
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def of_new(cls, pid: int) -> Identity:
        """Of a process started this moment; it may be gone already, and then nothing is it any more."""
        try:
            return cls.of(pid)
        except psutil.NoSuchProcess:
            return cls(pid, time.time())

    def process(self) -> psutil.Process | None:
        """The living process, or None: a zombie is dead, and a stranger is not it."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _SAME_START
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def is_alive(self) -> bool:
        return self.process() is not None

    def is_frozen(self) -> bool:
        """Whether somebody has stopped it (SIGSTOP), so that it does nothing at all."""
        process = self.process()
        with suppress(psutil.NoSuchProcess):
            return process is not None and process.status() == psutil.STATUS_STOPPED
        return False


def marked(name: str, value: str) -> list[Identity]:
    """Every process of ours in whose environment a variable has this value."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(name) == value:
                found.append(Identity(process.pid, process.create_time()))
    return found


def end(identities: Iterable[Identity], grace: float) -> None:
    """Ask all to stop, wait at most `grace` seconds, then kill each with its process group."""
    alive = [identity for identity in identities if identity.is_alive()]
    for identity in alive:
        _signal(identity, signal.SIGTERM)
    stubborn = _outlived(alive, grace)
    for identity in stubborn:
        kill_group(identity.pid)
        _signal(identity, signal.SIGKILL)
    _outlived(stubborn, _KILL_WITHIN)


def kill_group(leader: int) -> None:
    """Kill a session leader that we started, and whatever it left behind."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _signal(identity: Identity, number: signal.Signals) -> None:
    process = identity.process()
    if process:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _outlived(identities: list[Identity], seconds: float) -> list[Identity]:
    # Not psutil.wait_procs: it would wait for orphans' zombies, which nobody reaps in many containers.
    deadline = time.monotonic() + seconds
    while True:
        alive = [identity for identity in identities if identity.is_alive()]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(_LOOK_EVERY)
