"""What operators see of the organisations and may do about them, in this process of dispatch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from contracts.codes import CODES
from services.runtime import parking
from services.runtime.breaker import State
from services.runtime.lanes import Lanes
from services.runtime.parking import Parked
from services.runtime.record import read
from services.runtime.store import Store

from .breakers import Breakers
from .decisions import CannotDecide, Decisions
from .deliveries import Deliveries

_MOST_LISTED: Final = 1000
_PREFIX: Final = "dispatch."


@dataclass(frozen=True, slots=True)
class Counter:
    """One organisation's deliveries, the lanes they come through, and what a person may decide about them."""

    deliveries: Deliveries
    lanes: Lanes
    decisions: Decisions


@dataclass(frozen=True, slots=True)
class Desk:
    """All organisations of this installation, by id."""

    store: Store
    breakers: Breakers
    counters: dict[str, Counter]

    async def organisations(self) -> list[dict[str, Any]]:
        """Every organisation: its breaker and why, and how many deliveries are held, parked and dead."""
        counts = await self.store.read(parking.counts)
        return [await self._organisation(name, counter, counts) for name, counter in self.counters.items()]

    async def _organisation(self, name: str, counter: Counter, counts: dict[tuple[str, str], int]) -> dict[str, Any]:
        breaker, gate = counter.deliveries.breaker, counter.deliveries.attempts.gate
        consumer = counter.deliveries.book.consumer
        organisation = counter.deliveries.attempts.agency.organisation
        held = 0 if breaker.state is State.CLOSED else await counter.lanes.backlog()
        return {
            "id": name,
            "zh": organisation.zh,
            "en": organisation.en,
            "state": breaker.state.value,
            "reason": breaker.reason,
            "since": self.breakers.since[name],
            "held": held,
            "parked": counts.get((consumer, "parked"), 0) + counts.get((consumer, "answered"), 0),
            "dead": counts.get((consumer, "dead"), 0),
            "in_flight": gate.running,
            "allowed": gate.allowed,
        }

    def pause(self, organisation: str, reason: str) -> bool:
        """Hold everything for an organisation until somebody resumes it; False where there is none of that name."""
        counter = self.counters.get(organisation)
        if counter is not None:
            counter.deliveries.breaker.pause(reason)
        return counter is not None

    def resume(self, organisation: str) -> bool:
        """Have one call probe now, whatever pause there was; False where there is none of that name."""
        counter = self.counters.get(organisation)
        if counter is not None:
            counter.deliveries.breaker.probe()
            counter.deliveries.attempts.gate.look()
        return counter is not None

    async def deliveries(self, state: parking.State | None, case: str | None) -> list[dict[str, Any]]:
        """What is parked or dead, oldest first, of one case or of all."""
        rows = await self.store.read(lambda connection: parking.listed(connection, None, state, _MOST_LISTED))
        told = [_told(row) for row in rows]
        return [row for row in told if case in (None, row["case"])]

    async def retry(self, id_: str, reason: str) -> None:
        """Try a delivery again now. Raises `CannotDecide`."""
        counter = await self._counter_of(id_)
        await counter.decisions.retry(id_, reason)
        counter.deliveries.heads.look()

    async def cancel(self, id_: str, reason: str) -> None:
        """Give a delivery up. Raises `CannotDecide`."""
        counter = await self._counter_of(id_)
        await counter.decisions.cancel(id_, reason)
        counter.deliveries.heads.look()

    async def _counter_of(self, id_: str) -> Counter:
        consumer = await self.store.read(lambda connection: parking.consumer_of(connection, id_))
        if consumer is None:
            raise CannotDecide("unknown")
        return self.counters[consumer.removeprefix(_PREFIX)]


def _told(row: Parked) -> dict[str, Any]:
    """A parked delivery for people: whose, what, why; none of the command's data."""
    command = read(row.record)
    last = row.history[-1] if row.history else {}
    code = CODES.get(last.get("code") or "")
    return {
        "id": row.record.id,
        "case": command.envelope.subject,
        "organisation": row.consumer.removeprefix(_PREFIX),
        "command": command.envelope.type.removeprefix("tongche.").rsplit(".", 1)[0],
        "state": row.state,
        "tries": row.tries,
        "since": row.since,
        "next_try_at": None if row.state == "dead" else row.not_before,
        "failure": row.failure,
        "reason": row.reason,
        "code": last.get("code"),
        "code_zh": code.zh if code else None,
        "code_en": code.en if code else None,
    }
