"""What a bench found: its figures under stable names, and beside each what the design asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reach = Literal["reached", "missed", "noise", ""]


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be: at least or at most so much."""

    sign: Literal["≥", "<", "≤"]
    bound: float

    def holds(self, value: float) -> bool:
        """Whether a figure reaches it."""
        match self.sign:
            case "≥":
                return value >= self.bound
            case "≤":
                return value <= self.bound
            case "<":
                return value < self.bound

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure for people."""

    zh: str
    en: str
    value: float | int | str
    target: Target | None = None
    note: str = ""
    blurred: bool = False
    """The measurement scatters by more than the target tells apart."""

    @property
    def verdict(self) -> Reach:
        """Whether it reaches its target, where it has one."""
        if self.target is None or isinstance(self.value, str):
            return ""
        if self.blurred:
            return "noise"
        return "reached" if self.target.holds(self.value) else "missed"


@dataclass(frozen=True, slots=True)
class Found:
    """All of a bench: `figures` has exactly the keys that scripts rely on."""

    title: str
    figures: dict[str, float | int | str]
    rows: tuple[Row, ...]
