"""How far the checker is, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""Is told what is being read now."""


def silent(_: str) -> None:
    """Nobody waits."""
