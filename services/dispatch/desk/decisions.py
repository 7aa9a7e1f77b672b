"""What a person may decide about a delivery that waits: try it again, give it up, say it otherwise, or answer it.

Each act is one transaction that looks at the row itself, so it is safe from any process, whoever owns the partition.
A delivery that is being tried at this moment cannot be decided about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection

from contracts.envelope import Undecodable
from services.dispatch.calls import Agency
from services.dispatch.delivery import Delivery, again, deadline_of
from services.dispatch.unread import unread
from services.dispatch.voice import Fate, Voice, fate_unread
from services.runtime import ledger, outbox, owner, parking
from services.runtime.clock import Clock
from services.runtime.forms import OPERATOR
from services.runtime.parking import Parked
from services.runtime.record import Outgoing
from services.runtime.store import Store

from . import editing, lineage
from .editing import Change, Unchanged
from .lineage import Act, Because

Why = Literal[
    "unknown",
    "being-tried",
    "answered",
    "held",
    "ended",
    "changed",
    "doubtful",
    "unchanged",
    "unreadable",
    "undisputed",
]


class CannotDecide(Exception):
    """Nothing was changed; `why` says what stands against it."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that a person may decide about: its row, and what stands in it."""

    row: Parked
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Decisions:
    """A person's acts on the deliveries of one organisation."""

    agency: Agency
    voice: Voice
    store: Store
    clock: Clock
    consumer: str

    async def retry(self, id_: str, reason: str, by: str = OPERATOR) -> None:
        """Have it tried again now under its own key, with a new deadline. Raises `CannotDecide`.

        Where nobody can tell whether it was carried out, this is the person's decision to send it once more.
        """
        await self.store.run(partial(self.retrying, id_=id_, because=Because(reason, by)))

    async def cancel(self, id_: str, reason: str, by: str = OPERATOR) -> None:
        """Give it up, so that what stands behind it goes on. Raises `CannotDecide`."""
        await self.store.run(partial(self.cancelling, id_=id_, because=Because(reason, by)))

    async def edit(self, id_: str, change: Change, because: Because) -> int:
        """Have it say something else, under a new key, tried now with a new deadline; gives its new revision.

        Raises `CannotDecide`, also where an earlier call may have been carried out, for which the agency would not
        know the new one; or `NotValid`.
        """
        return await self.store.run(partial(self._editing, id_=id_, change=change, because=because))

    async def answer(self, id_: str, raw: Mapping[str, Any], because: Because) -> None:
        """Settle it with the agency's answer, which the person has by another way.

        Raises `CannotDecide` or `NotValid`.
        """
        await self.store.run(partial(self._answering, id_=id_, raw=raw, because=because))

    # -- acts within a transaction

    def retrying(self, connection: Connection, id_: str, because: Because) -> None:
        """As `retry`. A repair of many decides nothing that nobody can tell, unless its person vouches for all."""
        waiting = self._decidable(connection, id_)
        if because.repair and not because.not_carried_out and self._must_not_resend(connection, waiting):
            raise CannotDecide("doubtful")
        if not self.agency.can_look_up(waiting.delivery.operation):
            ledger.end(connection, self.consumer, id_)
        self._have_tried(connection, waiting, because, self._act("retry", waiting.row, because))

    def cancelling(self, connection: Connection, id_: str, because: Because) -> None:
        """As `cancel`."""
        row = self._undecided(connection, id_)
        said = self._cancelled(row, because.reason)
        ledger.end(connection, self.consumer, id_)
        ledger.decide(connection, self.consumer, id_, said, self._now())
        parking.remove(connection, row)
        lineage.keep(connection, self._act("cancel", row, because))
        for one in said:
            outbox.add_outgoing(connection, one)

    def _cancelled(self, row: Parked, reason: str) -> list[Outgoing]:
        """What is said of it. What cannot be read is given up like any other: else its vehicle would wait for ever."""
        given_up = replace(row, decided=row.decided + 1)
        try:
            delivery = again(given_up, self.agency)
        except Undecodable:
            command = unread(row.record)
            fate = fate_unread(given_up, "cancelled", "person", reason)
            return [self.voice.changed(command, row.record.key, fate)] if command else []
        fate = Fate("cancelled", delivery.attempts, failure="person", reason=reason, decided=delivery.decided)
        return [self.voice.changed(delivery.command, row.record.key, fate)]

    def _editing(self, connection: Connection, id_: str, change: Change, because: Because) -> int:
        waiting = self._decidable(connection, id_)
        row, delivery = waiting.row, waiting.delivery
        if change.revision not in {None, row.revision}:
            raise CannotDecide("changed")
        if not because.not_carried_out and self._may_have_happened(connection, waiting):
            raise CannotDecide("doubtful")
        try:
            edition = editing.edited(delivery, change)
        except Unchanged:
            raise CannotDecide("unchanged") from None
        ledger.end(connection, self.consumer, id_)
        new = replace(row, record=edition.record, revision=row.revision + 1)
        act = self._act("edit", row, because)
        act = replace(act, revision=new.revision, before=edition.before, after=edition.after)
        self._have_tried(connection, Waiting(new, again(new, self.agency)), because, act)
        return new.revision

    def _answering(self, connection: Connection, id_: str, raw: Mapping[str, Any], because: Because) -> None:
        waiting = self._decidable(connection, id_)
        delivery, command = waiting.delivery, waiting.delivery.command
        answer = editing.answered(delivery, raw)
        fate = Fate(
            "settled",
            delivery.attempts,
            deadline=delivery.deadline,
            failure="person",
            reason=because.reason,
            decided=delivery.decided + 1,
        )
        key = delivery.record.key
        said = [
            self.voice.answered(command, key, answer, command.envelope.traceparent or ""),
            self.voice.changed(command, key, fate),
        ]
        ledger.end(connection, self.consumer, id_)
        ledger.decide(connection, self.consumer, id_, said, self._now())
        parking.remove(connection, waiting.row)
        lineage.keep(connection, replace(self._act("answer", waiting.row, because), after=editing.content(answer)))
        for one in said:
            outbox.add_outgoing(connection, one)

    def _have_tried(self, connection: Connection, waiting: Waiting, because: Because, act: Act) -> None:
        row, delivery, now = waiting.row, waiting.delivery, self._now()
        deadline, decided = deadline_of(delivery.command, now), row.decided + 1
        changed = replace(row, state="parked", not_before=now, deadline=deadline, decided=decided, trying=None)
        parking.put(connection, changed)
        lineage.keep(connection, act)
        fate = Fate("parked", delivery.attempts, now, deadline, "person", because.reason, decided)
        outbox.add_outgoing(connection, self.voice.changed(delivery.command, row.record.key, fate))

    # -- what stands against it

    def _decidable(self, connection: Connection, id_: str) -> Waiting:
        row = self._undecided(connection, id_)
        try:
            return Waiting(row, again(row, self.agency))
        except Undecodable:
            raise CannotDecide("unreadable") from None

    def _undecided(self, connection: Connection, id_: str) -> Parked:
        row = parking.find(connection, self.consumer, id_, lock=True)
        if row is None:
            raise CannotDecide("unknown")
        if row.state == "answered":
            raise CannotDecide("answered")
        if row.trying is not None and row.trying == owner.who(connection, self.consumer, row.record.place):
            raise CannotDecide("being-tried")
        return row

    def _may_have_happened(self, connection: Connection, waiting: Waiting) -> bool:
        """Whether a call of this revision may have had its effect.

        A name left over in the row is that of a process that ended in the middle of a try.
        """
        return (
            waiting.delivery.doubtful
            or waiting.row.trying is not None
            or ledger.has_begun(connection, self.consumer, waiting.row.record.id)
        )

    def _must_not_resend(self, connection: Connection, waiting: Waiting) -> bool:
        operation = waiting.delivery.operation
        known = self.agency.knows_again(operation) or self.agency.can_look_up(operation)
        return not known and self._may_have_happened(connection, waiting)

    def _act(self, name: lineage.Name, row: Parked, because: Because) -> Act:
        organisation = self.agency.organisation.id
        return Act(name, because, self._now(), organisation, row.record.id, row.state, row.revision)

    def _now(self) -> float:
        return self.clock.now().timestamp()


Deciding = Callable[[Connection, str, Because], None]
"""An act on one delivery within a transaction, as a repair of many needs it. Raises `CannotDecide`."""
