"""Processes we started: told apart from strangers that got the same number later, and ended for certain."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

# Start times are read in clock ticks and may drift by rounding; a reused number is never this near.
_SAME_START = 0.05
_KILL_WITHIN = 10


@dataclass(frozen=True)
class Identity:
    """A process number alone says nothing: numbers come back. Number and start time do."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Identity:
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def parse(cls, record: Mapping[str, Any]) -> Identity:
        return cls(record["pid"], record["started"])

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


def end(identities: Iterable[Identity], grace: float) -> None:
    """Ask all to stop, wait at most `grace` seconds, then kill each with its process group."""
    alive = [process for identity in identities if (process := identity.process())]
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(alive, timeout=grace)
    for process in stubborn:
        kill_group(process.pid)
    psutil.wait_procs(stubborn, timeout=_KILL_WITHIN)


def kill_group(leader: int) -> None:
    """Kill a session leader that we started, and whatever it left behind."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
