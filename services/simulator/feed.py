"""What the simulated country hears of ours: makers' plants every sale, borrowers that their loans are settled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from contracts.envelope import Undecodable
from contracts.topics import SALE_EVENTS, events
from observability import logs
from services.runtime.lanes import Lane, Lanes
from services.runtime.record import Record, read
from services.runtime.settings import Settings
from services.runtime.work import Forgetful
from services.simulator.borrowers import Borrowers
from services.simulator.makers import Makers

HEARD: Final = (SALE_EVENTS.name, events("bank").name)
_SETTLED: Final = b"tongche.loan.settled."
GROUP: Final = "simulator.makers"


@dataclass(frozen=True, slots=True)
class Ears(Forgetful):
    """Makers and borrowers as work for lanes: the world knows by its key what was heard before."""

    makers: Makers
    borrowers: Borrowers

    async def handle(self, record: Record, known: Any | None) -> None:
        """Let those hear of it whom it concerns."""
        del known
        if record.topic != SALE_EVENTS.name and not _is_settlement(record):
            return
        try:
            message = read(record)
        except Undecodable as wrong:
            # The journey reads the same topics and sets it aside; a plant cannot make a certificate of it.
            logs.get().warning("sale_unreadable", reason=wrong.reason)
            return
        await self.makers.hear(message)
        await self.borrowers.hear(message)


def _is_settlement(record: Record) -> bool:
    """Most of what banks say are their own answers, which they need not hear again."""
    return any(name == "ce_type" and value.startswith(_SETTLED) for name, value in record.headers)


def feed(settings: Settings, ears: Ears, slot: str) -> Lanes:
    """The consumer by which they hear."""
    return Lanes(Lane(GROUP, HEARD, settings.kafka, slot), ears)
