"""A whole installation in a folder of its own, used as people use it: by typing verbs and looking at what they say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.stack import readiness
from services.stack.data import DataFolder
from services.stack.installation import Installation
from services.stack.running import Running
from services.stack.state import ChildState, Stack

SAMPLES: Final = Path(__file__).parents[1] / "samples"
NAMED_BY_THE_MACHINE: Final = {"TONGCHE_JAVA", "TONGCHE_MAVEN", "TONGCHE_VENV"}

_CHECKOUT: Final = Path(__file__).parents[2]
_VERB_WITHIN_S: Final = 150
_LOOK_EVERY_S: Final = 0.25
_TAIL_LINES: Final = 25


@dataclass(frozen=True, slots=True)
class Typed:
    """What came of a verb: its exit code, the JSON of its last line, what it showed above it and said aside."""

    code: int
    answer: Any
    shown: str
    said: str


def environment() -> dict[str, str]:
    """Ours without whatever a person has set for an installation of their own."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TONGCHE_") or name in NAMED_BY_THE_MACHINE
    }


def until(fact: Callable[[], object], seconds: float, what: Callable[[], object]) -> None:
    """Wait for a fact, not for a time; `what` tells how far it came when it did not come true."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, f"did not come true in {seconds} s: {what()}"
        time.sleep(_LOOK_EVERY_S)


@dataclass(frozen=True, slots=True)
class OwnInstallation:
    """Kafka, all services and the simulated agencies, with free ports and a data folder that nobody else knows."""

    root: Path

    @property
    def folder(self) -> DataFolder:
        return DataFolder(self.root)

    @property
    def processes(self) -> Installation:
        """The same, as whoever hurts it sees it."""
        return Installation(self.folder)

    @property
    def running(self) -> Running:
        return self.processes.running

    @property
    def stack(self) -> Stack:
        return self.processes.stack

    @property
    def kafka(self) -> str:
        return self.stack.urls["kafka"]

    def type_in(self, *words: str, stdin: bytes | None = None, within_s: float = _VERB_WITHIN_S) -> Typed:
        """Type a verb with `--json`, in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", *words, "--data", str(self.root), "--json"],
            env=environment(),
            cwd=_CHECKOUT,
            input=stdin,
            capture_output=True,
            timeout=within_s,
            check=False,
        )
        said = done.stderr.decode()
        lines = done.stdout.decode().splitlines()
        assert lines, f"tongche {' '.join(words)} said nothing on stdout (exit {done.returncode}):\n{said}"
        return Typed(done.returncode, json.loads(lines[-1]), "\n".join(lines[:-1]), said)

    def up(self) -> Any:
        """Start it, or take over what a killed supervisor left."""
        typed = self.type_in("up")
        assert typed.code == 0, f"{typed.answer}\n{typed.said}"
        return typed.answer

    def down(self) -> None:
        """End all of it, whatever state it is in."""
        if self.root.exists():
            self.type_in("down")

    def cases(self) -> Mapping[str, int]:
        """How many cases are open, closed and so on, as the console counts them; nothing while it is away."""
        try:
            url = f"{self.stack.urls['console']}/api/status"
            counts: dict[str, int] = readiness.get_json(url, self.running.secrets.operator_token)["cases"]
        except OSError:
            return {}
        return counts

    def until_closed(self, number: int, seconds: float) -> None:
        """Wait until so many cases in all are closed."""
        until(lambda: self.cases().get("closed") == number, seconds, self.cases)

    def check(self) -> Any:
        """The independent checker's verdict."""
        return self.type_in("check").answer

    def kill(self, name: str) -> ChildState:
        """`kill -9` one process of it, as it is at this moment."""
        return self.processes.signal(name, signal.SIGKILL)

    def until_replaced(self, name: str, victim: ChildState, seconds: float) -> None:
        """Wait until another process does the work of a killed one, and everything is ready."""
        until(lambda: self.stack.children[name].identity != victim.identity, seconds, lambda: self.stack.children[name])
        until(lambda: not readiness.unready(self.stack), seconds, lambda: readiness.unready(self.stack))

    def disk_full(self, *names: str) -> AbstractContextManager[None]:
        """None of these processes can write another byte, as on a full disk; what replaces one of them can."""
        return self.processes.disk_full(*names)

    def tails(self) -> str:
        """The end of every log."""
        return "\n".join(f"--- {log.name}\n{_tail(log)}" for log in sorted(self.folder.logs.glob("*.log")))


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])
