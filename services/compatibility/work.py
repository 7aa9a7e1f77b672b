"""How much is looked at: counted in steps, not by the clock, so that a question ends at one place on every machine."""

from __future__ import annotations


class TooMuch(RuntimeError):
    """More than is looked at."""


class Work:
    """So many steps, for all that one question asks."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def spend(self, steps: int = 1) -> None:
        """Count what is about to be looked at. Raises `TooMuch`."""
        self._left -= steps
        if self._left < 0:
            raise TooMuch
