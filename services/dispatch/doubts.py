"""What may have had its effect though nobody told us: whether it did is found out, never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from adapters.errors import NotYet
from adapters.spec import Operation
from contracts.contract import Contract
from services.runtime.clock import Clock

from .calls import Agency, settles
from .delivery import Delivery, NeedsPerson, Unsettled

_REMEMBERED_S: Final = 600.0
"""Longer than any agency takes to carry out what it has been sent."""


@dataclass(frozen=True, slots=True)
class Doubts:
    """Those about deliveries to one organisation, and the ways that it leaves us to find out.

    How long ago a call ended is remembered by the loop's clock, by its span: the wall's may leap meanwhile. Only this
    process's own calls, and only for a while: about another's there is nothing but the wall's clock to go by.
    """

    agency: Agency
    clock: Clock
    _ended: dict[str, float] = field(default_factory=dict)

    def note(self, span_id: str) -> None:
        """A call has just ended so that nobody knows what came of it."""
        now = asyncio.get_running_loop().time()
        self._ended[span_id] = now
        while (oldest := next(iter(self._ended))) and now - self._ended[oldest] > _REMEMBERED_S:
            del self._ended[oldest]

    def about(self, delivery: Delivery) -> bool:
        """Whether it must be looked up; of a blind agency a person has judged what was doubtful before."""
        return delivery.doubtful and self.agency.can_look_up(delivery.operation)

    def bear_resending(self, operation: Operation) -> bool:
        """Whether a doubtful call may be followed by another one, at once or after looking."""
        return self.agency.knows_again(operation) or self.agency.can_look_up(operation)

    async def look_up(self, delivery: Delivery, traceparent: str) -> Contract | None:
        """Whether it was carried out: its event, or None if it was not and never will be.

        Raises `Unsettled` where it still may be, and whatever a call does.
        """
        # As it stood before: what was carried out while the answer was on its way, that answer does not know.
        unsettled = self._unsettled(delivery)
        found = await self.agency.look_up(delivery.operation, delivery.command, delivery.key, traceparent)
        if found is None and unsettled is not None:
            raise unsettled
        return found

    async def fetch(self, delivery: Delivery, traceparent: str) -> Contract:
        """The answer to what was taken in, which may be unknown for a while, and may be forgotten.

        Raises `NotYet` where it is to be sent again, `NeedsPerson` where nobody knows whether it may be, and whatever a
        call does.
        """
        unsettled = self._unsettled(delivery)
        found = await self.agency.fetch(delivery.operation, delivery.command, delivery.key, traceparent)
        if found is not None:
            return found
        if unsettled is not None and not self.agency.knows_again(delivery.operation):
            raise unsettled
        if not self.bear_resending(delivery.operation):
            contradiction = "taken in, and unknown since"
            raise NeedsPerson(contradiction)
        forgotten = "D404"
        raise NotYet(forgotten, HTTPStatus.NOT_FOUND)

    def _unsettled(self, delivery: Delivery) -> Unsettled | None:
        """For how long a doubtful call may still be carried out, our own or one of a process before us; None if not."""
        longest = settles(delivery.operation)
        if longest is None or not delivery.doubtful:
            return None
        left = longest - timedelta(seconds=min(self._ages_s(delivery)))
        return Unsettled(left) if left > timedelta() else None

    def _ages_s(self, delivery: Delivery) -> Iterator[float]:
        """How long ago the calls ended that are in doubt."""
        now = self.clock.now().timestamp()
        if (until := delivery.cut_off_until) is not None:
            yield now - until
        if delivery.taken_in:
            yield now - delivery.attempts[-1].started_at.timestamp()
        if (one := delivery.doubted) is not None:
            ago_s = self._ago_s(one.span_id)
            yield now - one.started_at.timestamp() - one.duration_ms / 1000 if ago_s is None else ago_s

    def _ago_s(self, span_id: str | None) -> float | None:
        """By the loop's clock; None where nothing is remembered."""
        ended = self._ended.get(span_id) if span_id else None
        return None if ended is None else asyncio.get_running_loop().time() - ended
