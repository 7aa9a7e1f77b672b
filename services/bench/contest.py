"""Contenders run alone: each in a process of its own, so that none inherits another's heap, threads or warm caches."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from services.stack.plan import importable, python
from services.stack.trouble import TroubleError

Told = Callable[[str, float], None]
"""Hears what is being done, and what share of the whole bench is behind us."""
Contender = Callable[..., Awaitable[dict[str, float]]]

_WITHIN_S: Final = 900.0
_LAST_WORDS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One contender: the module it lives in, its name there, and what it is given."""

    module: str
    name: str
    given: dict[str, Any]

    def run(self) -> dict[str, float]:
        """What it measured. Raises `TroubleError` with its last words where it failed."""
        done = subprocess.run(
            _words(self.module, self.name, self.given),
            env=importable(),
            capture_output=True,
            timeout=_WITHIN_S,
            check=False,
        )
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace")[-_LAST_WORDS:]
            raise TroubleError(
                f"{self.name} 失败（{done.returncode}）：{said}",
                f"{self.name} failed ({done.returncode}): {said}",
                fix=f"python -m services.bench {self.module} {self.name} …",
            )
        measured: dict[str, float] = json.loads(done.stdout.decode().splitlines()[-1])
        return measured


@dataclass(frozen=True, slots=True)
class Server:
    """A process that others of a bench call: its first line is its address, and it ends with its standard input."""

    module: str
    name: str

    @contextmanager
    def up(self) -> Iterator[str]:
        """Serve for as long as this lasts; gives the address."""
        words = _words(self.module, self.name, {})
        with subprocess.Popen(
            words, env=importable(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None  # noqa: S101 - it is a pipe
                yield process.stdout.readline().strip()
            finally:
                process.communicate()


def _words(module: str, name: str, given: dict[str, Any]) -> tuple[str, ...]:
    return (python(), "-m", "services.bench", module, name, json.dumps(given))


def medians(rounds: Iterable[dict[str, float]]) -> dict[str, float]:
    """The median of each figure over rounds that all have the same figures."""
    known = list(rounds)
    return {name: median(one[name] for one in known) for name in known[0]}
