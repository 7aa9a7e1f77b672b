"""What a person may decide about a delivery that waits: try it again now, or give it up.

Each act is one transaction that looks at the row itself, so it is safe from any process, whoever owns the partition.
A delivery that is being tried at this moment cannot be decided about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import Connection

from adapters.spec import Features
from services.runtime import ledger, outbox, owner, parking
from services.runtime.clock import Clock
from services.runtime.parking import Parked
from services.runtime.store import Store

from .calls import Agency
from .delivery import again, deadline_of
from .voice import Fate, Voice

Why = Literal["unknown", "being-tried", "answered"]


class CannotDecide(Exception):
    """Nothing was changed: there is no such delivery waiting, it is being tried, or it has its answer already."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Decisions:
    """A person's acts on the deliveries of one organisation."""

    agency: Agency
    voice: Voice
    store: Store
    clock: Clock
    consumer: str

    async def retry(self, id_: str, reason: str) -> None:
        """Have it tried again now under its own key, with a new deadline. Raises `CannotDecide`.

        Where nobody can tell whether it was carried out, this is the person's decision to send it once more.
        """

        def act(connection: Connection) -> None:
            row = self._decidable(connection, id_)
            delivery, now = again(row, self.agency), self.clock.now().timestamp()
            if self.agency.adapter.features is not Features.IDEMPOTENT and not self.agency.can_look_up(
                delivery.operation
            ):
                ledger.end(connection, self.consumer, id_)
            deadline = deadline_of(delivery.command, now)
            decided = row.decided + 1
            fate = Fate("parked", delivery.attempts, now, deadline, "person", reason, decided)
            outbox.add_outgoing(connection, self.voice.changed(delivery.command, row.record.key, fate))
            changed = replace(row, state="parked", not_before=now, deadline=deadline, decided=decided, trying=None)
            parking.put(connection, changed)

        await self.store.run(act)

    async def cancel(self, id_: str, reason: str) -> None:
        """Give it up, so that what stands behind it goes on. Raises `CannotDecide`."""

        def act(connection: Connection) -> None:
            row = self._decidable(connection, id_)
            delivery = again(row, self.agency)
            fate = Fate("cancelled", delivery.attempts, failure="person", reason=reason, decided=row.decided + 1)
            said = self.voice.changed(delivery.command, row.record.key, fate)
            ledger.decide(connection, self.consumer, id_, [said])
            outbox.add_outgoing(connection, said)
            parking.remove(connection, row)

        await self.store.run(act)

    def _decidable(self, connection: Connection, id_: str) -> Parked:
        row = parking.find(connection, self.consumer, id_)
        if row is None:
            raise CannotDecide("unknown")
        if row.state == "answered":
            raise CannotDecide("answered")
        if row.trying is not None and row.trying == owner.who(connection, self.consumer, row.record.place):
            raise CannotDecide("being-tried")
        return row
