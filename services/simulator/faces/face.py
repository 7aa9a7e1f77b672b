"""What a style of agency says of itself: how it reads requests and writes answers. Knobs are not its business."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from services.runtime.settings import Settings
from services.simulator.inbox import Inbox
from services.simulator.mishaps import Mishaps
from services.simulator.world import Asked, Outcome, World


@dataclass(frozen=True, slots=True)
class Letter:
    """One HTTP request. `path` stands below the organisation and begins with a slash; header names are lower-case."""

    organisation: str
    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """An answer as it goes out over HTTP."""

    status: int
    raw: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Unread(Exception):
    """A request that no agency gets to see: not signed, not readable, too deep. It is answered as `written` says."""

    def __init__(self, written: Written) -> None:
        super().__init__(f"status {written.status}")
        self.written = written


@dataclass(frozen=True, slots=True)
class Oddities:
    """What a style sends where a knob wants no answer of the agency's."""

    content_type: str
    garbage: bytes
    """No message of this style."""
    wrong_schema: bytes
    """A well-formed message about something else."""
    opening: bytes = b""
    filler: bytes = b" "
    """How an answer without end begins, and with what it goes on: as far as it goes, it could still become one."""


@dataclass(frozen=True, slots=True)
class Premises:
    """What a face is given to stand on. Keys and addresses are found by the settings."""

    world: World
    mishaps: Mishaps
    inbox: Inbox
    settings: Settings


@runtime_checkable
class Face(Protocol):
    """A style that is spoken to over HTTP: `faces.http` asks it these in turn, and does what the knobs want between."""

    @property
    def oddities(self) -> Oddities: ...

    def asked(self, letter: Letter) -> Asked:
        """What a request asks for. Raises `Unread`."""

    async def outcome(self, asked: Asked) -> Outcome:
        """What the agency says to it, as a rule `World.handle`. Raises `Unknown`."""

    def written(self, asked: Asked, outcome: Outcome) -> Written:
        """An outcome in this style. Where `outcome.said` is bytes, they go out as they stand."""


@runtime_checkable
class Working(Protocol):
    """A style that does something of its own accord: calls back, puts receipts down, is spoken to over something else.

    It may be a `Face` as well; if not, its organisations have no HTTP door.
    """

    async def run(self) -> None:
        """Work until cancelled."""


@runtime_checkable
class Opening(Protocol):
    """A style with a door of its own, which takes a moment to open once it works."""

    open: asyncio.Event
