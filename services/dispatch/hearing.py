"""Hearing what one organisation brings to our own door: for that nobody is asked, and nobody need be there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from adapters.errors import AgencyError, Refused
from contracts.contract import Contract

from .calls import Agency
from .delivery import Delivery
from .mailbox import Brought


@dataclass(slots=True)
class Hearing:
    """Whose answers are here. Those who wait at the gate meanwhile leave it, for they need not ask any more."""

    agency: Agency
    _waiting: set[str] = field(default_factory=set)
    _here: set[str] = field(default_factory=set)

    async def look(self) -> bool:
        """Whether something is here for somebody who waits."""
        self._here = await self.agency.here(self._waiting) if self._waiting else set()
        return bool(self._here)

    def is_here(self, delivery: Delivery) -> bool:
        """Whether its answer was here at the last look."""
        return delivery.key in self._here

    @contextmanager
    def waiting(self, delivery: Delivery) -> Iterator[None]:
        """Meanwhile its answer is looked for, where it may be brought."""
        if not self.agency.calls_back(delivery.operation):
            yield
            return
        self._waiting.add(delivery.key)
        try:
            yield
        finally:
            self._waiting.discard(delivery.key)

    async def find(self, delivery: Delivery) -> Brought | None:
        """Its answer; None while there is none."""
        brought = await self.agency.brought(delivery.operation, delivery.key)
        if brought is None:
            self._here.discard(delivery.key)
        return brought

    async def take(self, delivery: Delivery, brought: Brought) -> Contract | AgencyError | None:
        """What an answer comes to; None where it decides nothing and has had its time: another may come, or is here."""
        delivery.heard_at = brought.at
        try:
            return self.agency.heard(delivery.operation, delivery.command, brought)
        except Refused as no:
            return no
        except AgencyError as nothing:
            if await self.agency.give_way(delivery.key, brought):
                return None
            if delivery.taken_in or not self.agency.knows_again(delivery.operation):
                return nothing
        # It was heard before, and whoever knows our key may be asked again.
        await self.agency.forget(delivery.key, brought)
        return None
