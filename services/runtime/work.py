"""What lanes are told, and the words they share with those who do the work."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .record import Place, Record


class Stuck(RuntimeError):
    """This process cannot go on and must be restarted: the consumer has lost its coordinator, or its place."""


class Gone(Exception):
    """The partition of this record belongs to somebody else now; its new owner will see the record again."""


class Work(Protocol):
    """What is done with the records of one consumer."""

    async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        """Get ready for partitions; gives back those that may be worked on."""

    async def recall(self, records: Sequence[Record]) -> Mapping[str, Any]:
        """What was already decided about a batch, by record id: one look-up for all."""

    async def handle(self, record: Record, known: Any | None) -> None:
        """Do the work; on return the record needs nothing more. May raise `Gone`; anything else ends the process."""

    def leaving(self, partitions: Collection[Place]) -> None:
        """Hear that partitions are about to go: whatever merely waits for something should give up with `Gone`."""

    async def revoked(self, partitions: Collection[Place]) -> None:
        """Forget partitions; nothing of theirs is running any more."""

    def waits(self) -> bool:
        """Whether work may stand still now for a reason that a new process would find as well."""


class Forgetful:
    """A `Work` without its `handle`: it prepares for nothing, looks nothing up, and keeps nothing of a partition."""

    __slots__ = ()

    async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        """All may be worked on."""
        del generation
        return partitions

    async def recall(self, records: Sequence[Record]) -> Mapping[str, Any]:
        """Nothing was decided."""
        del records
        return {}

    def leaving(self, partitions: Collection[Place]) -> None:
        """Nothing waits."""

    async def revoked(self, partitions: Collection[Place]) -> None:
        """Nothing is kept of them."""

    def waits(self) -> bool:
        """Never: what stands still has stuck."""
        return False


@dataclass(frozen=True, slots=True)
class Lane:
    """How one consumer reads: its group, its place in it, and how much it holds in memory at once."""

    group: str
    topics: tuple[str, ...]
    bootstrap: str
    slot: str = "0"
    """Static membership: a process that is restarted takes its own place again within a second."""
    at_once: int = 256
    records: int = 2_000
    held_bytes: int = 16 * 1024 * 1024
    session_s: float = 30.0
    drain_s: float = 20.0
    still_s: float = 60.0
    """So long may work stand still for no reason that we know of."""
