"""What is wrong with packs, in words for the person who writes them: all of it at once, never only the first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    """One thing that is wrong."""

    zh: str
    en: str


class PolicyFaults(ValueError):
    """Packs that may not be used, and everything that is wrong with them."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "; ".join(fault.en for fault in self.faults)


class MalformedPack(PolicyFaults):
    """A file is no pack."""


class PolicyConflict(PolicyFaults):
    """Packs contradict each other, so none of them may be used."""
