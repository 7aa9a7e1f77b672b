"""What the makers' plants hear: every sale on `sale.events`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contracts.envelope import Undecodable
from contracts.topics import SALE_EVENTS
from observability import logs
from services.runtime.lanes import Lane, Lanes
from services.runtime.record import Place, Record, read
from services.runtime.settings import Settings
from services.simulator.makers import Makers

GROUP: Final = "simulator.makers"


@dataclass(frozen=True, slots=True)
class Plants:
    """The makers as work for lanes: what was heard before is known by its key."""

    makers: Makers

    async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        """Nothing to prepare."""
        del generation
        return partitions

    async def recall(self, records: Sequence[Record]) -> Mapping[str, Any]:
        """Nothing to look up: the world knows its keys."""
        del records
        return {}

    async def handle(self, record: Record, known: Any | None) -> None:
        """Let the makers hear of a sale."""
        del known
        try:
            message = read(record)
        except Undecodable as wrong:
            # The journey reads the same topic and sets it aside; a plant cannot make a certificate of it.
            logs.get().warning("sale_unreadable", reason=wrong.reason)
            return
        await self.makers.hear(message)

    def leaving(self, partitions: Collection[Place]) -> None:
        """Nothing waits here."""

    async def revoked(self, partitions: Collection[Place]) -> None:
        """Nothing is kept of a partition."""

    def waits(self) -> bool:
        """Never: what the journal cannot keep ends the process."""
        return False


def feed(settings: Settings, makers: Makers, slot: str) -> Lanes:
    """The consumer that tells the makers of sales."""
    return Lanes(Lane(GROUP, (SALE_EVENTS.name,), settings.kafka, slot), Plants(makers))
