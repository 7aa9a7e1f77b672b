"""What the makers' plants hear: every sale on `sale.events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from contracts.envelope import Undecodable
from contracts.topics import SALE_EVENTS
from observability import logs
from services.runtime.lanes import Lane, Lanes
from services.runtime.record import Record, read
from services.runtime.settings import Settings
from services.runtime.work import Forgetful
from services.simulator.makers import Makers

GROUP: Final = "simulator.makers"


@dataclass(frozen=True, slots=True)
class Plants(Forgetful):
    """The makers as work for lanes: the world knows by its key what was heard before."""

    makers: Makers

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


def feed(settings: Settings, makers: Makers, slot: str) -> Lanes:
    """The consumer that tells the makers of sales."""
    return Lanes(Lane(GROUP, (SALE_EVENTS.name,), settings.kafka, slot), Plants(makers))
