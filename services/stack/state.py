"""`stack.json`: what the supervisor says about itself and its children, for every command that comes later."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from services.stack.data import DataFolder, write
from services.stack.processes import Identity

KAFKA = "kafka"


class ChildState(BaseModel):
    """One supervised process as last seen."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started: float
    port: int
    log: str
    restarts: int = 0
    hangs: int = 0
    """How many of the restarts were because it lived and did not answer."""
    last_exit: int | None = None

    @property
    def identity(self) -> Identity:
        return Identity(self.pid, self.started)


class Stack(BaseModel):
    """The whole installation as last seen. Ports and addresses outlive a stop: the next start keeps them."""

    phase: Literal["starting", "running", "stopping", "stopped"]
    data: str
    logs: str
    ports: dict[str, int]
    urls: dict[str, str]
    """door, console, journey, dispatch, simulator by URL; kafka as a bootstrap address."""
    ready: dict[str, str]
    """By process name, the address that answers 200 once it can do its work."""
    supervisor: ChildState | None = None
    children: dict[str, ChildState] = Field(default_factory=dict)
    trouble: str | None = None
    """What the supervisor is waiting out right now."""
    topics_refused: int = 0
    """How many times in a row the topics could not be made, though the broker answers."""

    def runs(self) -> bool:
        """Whether the supervisor that wrote this still lives."""
        return self.supervisor is not None and self.supervisor.identity.is_alive()

    def save(self, folder: DataFolder) -> None:
        write(folder.stack, self.model_dump_json(indent=1) + "\n")


def load(folder: DataFolder) -> Stack | None:
    """Read it, or None where nothing was ever started."""
    if not folder.stack.exists():
        return None
    return Stack.model_validate_json(folder.stack.read_bytes())
