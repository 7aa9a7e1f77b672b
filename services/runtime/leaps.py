"""A clock that leaps: what takes days for a car takes seconds in a rehearsal, while everything runs.

The file says from which moment of the machine's clock on how many seconds are to be added, in the order of the leaps:
`[[1795000000.0, -20000000.0], …]`. All processes of an installation read the same one, so they leap together; a leap
goes forward only. Durations inside a process are the loop's, and know nothing of it.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from .clock import Clock

_NEVER: Final = (-1, -1)
Leap = tuple[float, float]
"""From when on, by the machine's clock, and how many seconds are added since."""


class Backwards(ValueError):
    """A leap into the past: leases, holds and deadlines were made for a time that only goes on."""


@dataclass(slots=True)
class _Read:
    """What was read last, and from which state of the file."""

    state: tuple[int, int] = _NEVER
    leaps: tuple[Leap, ...] = ()


@dataclass(frozen=True, slots=True)
class LeapingClock(Clock):
    """The machine's clock, and what the file adds to it. Raises OSError or ValueError for a file that is not there."""

    file: Path = field(kw_only=True)
    _read: _Read = field(default_factory=_Read, compare=False, repr=False)

    def now(self) -> datetime:
        """This moment as the file has it, aware, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._leaps()[-1][1])

    def shown_at(self, machine: float) -> float:
        """What it showed at a moment of the machine's clock."""
        leaps = self._leaps()
        return machine + next((added for since, added in reversed(leaps) if since <= machine), leaps[0][1])

    def _leaps(self) -> tuple[Leap, ...]:
        # Asked with every message: the file is read anew only where it was replaced.
        found = os.stat(self.file)  # noqa: PTH116 - three times as fast
        state = (found.st_mtime_ns, found.st_ino)
        if state != self._read.state:
            self._read.leaps = _parsed(self.file)
            self._read.state = state
        return self._read.leaps


def set_out(file: Path, at: datetime) -> None:
    """Let a clock begin at a moment, before anybody lives by it."""
    machine = time.time()
    _write(file, ((machine, at.timestamp() - machine),))


def leap(file: Path, to: datetime) -> None:
    """Let everybody's clock show that moment. Raises `Backwards`."""
    leaps, machine = _parsed(file), time.time()
    added = to.timestamp() - machine
    if added < leaps[-1][1]:
        raise Backwards(to.isoformat())
    _write(file, (*leaps, (machine, added)))


def _parsed(file: Path) -> tuple[Leap, ...]:
    leaps = tuple((float(since), float(added)) for since, added in json.loads(file.read_bytes()))
    if not leaps:
        raise ValueError(f"{file}: no leap")
    return leaps


def _write(file: Path, leaps: tuple[Leap, ...]) -> None:
    """At once: who reads it meanwhile sees the old ones or the new ones."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(json.dumps(leaps), encoding="utf-8")
    fresh.replace(file)
