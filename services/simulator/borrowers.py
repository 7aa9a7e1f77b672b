"""Borrowers: what a bank gives notice of has been paid back at its counter.

A real bank knows of a settlement before it tells anybody. Here somebody plays the bank towards the broker, and its
books follow from what was told; until they have, the police answer that they know of no settlement yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from contracts.contract import Contract
from contracts.envelope import Message
from contracts.loan import LoanSettledV1
from observability import logs
from services.simulator.world import Unknown, World

_DISPATCH: Final = "urn:tongche:dispatch:"


@dataclass(frozen=True, slots=True)
class Borrowers:
    """All borrowers."""

    world: World

    async def hear(self, message: Message[Contract]) -> None:
        """Pay back what the notice says is paid back; heard again, nothing more comes of it."""
        notice = message.data
        if not isinstance(notice, LoanSettledV1):
            return
        bank = message.envelope.source.removeprefix(_DISPATCH)
        told = {
            "vin": notice.vin,
            "contractNo": notice.loan_contract_no,
            "settleDate": f"{notice.settled_on:%Y%m%d}",
        }
        try:
            path, told = self.world.in_words_of(bank, "/auto-loans/settlements", told)
            await self.world.handle(bank, path, f"notice-{message.envelope.id}", told)
        except Unknown:
            logs.get().warning("settled_at_no_bank")
