"""The running stack of the data folder that a person named."""

from __future__ import annotations

from pathlib import Path

from services.cli import terminal
from services.stack import running as stacks
from services.stack.running import Running, Service

__all__ = ["Running", "Service", "running"]


def running(data: Path | None) -> Running:
    """The stack of a data folder. Raises `TroubleError` where none runs."""
    return stacks.running(terminal.folder(data))
