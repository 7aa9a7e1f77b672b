"""What dispatch says: the agency's answer, its refusal, and the fate of every delivery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from adapters.errors import Refused
from adapters.organisations import Organisation
from contracts import topics
from contracts.codes import CODES
from contracts.contract import Contract
from contracts.delivery import Attempt, DeliveryChangedV1, DeliveryState, FailureClass
from contracts.envelope import Envelope, Message, message
from contracts.refusal import AgencyRefusedV1
from contracts.registry import contract_of
from services.runtime.clock import Clock
from services.runtime.parking import Parked
from services.runtime.record import Outgoing, outgoing

from .unread import Unread

Command = Message[Contract] | Unread

OWNER_OF: Final[dict[FailureClass, str]] = {
    "unavailable": "operator",
    "ambiguous": "operator",
    "not-yet": "agency-desk",
    "broken-answer": "integrator",
    "deadline": "operator",
    "person": "operator",
    "unreadable": "integrator",
}
"""Who must act on a dead delivery, by the class of its failure."""


@dataclass(frozen=True, slots=True)
class Fate:
    """Where a delivery stands; see `contracts.delivery`."""

    state: DeliveryState
    attempts: Sequence[Attempt] = ()
    next_try_at: float | None = None
    deadline: float | None = None
    failure: FailureClass | None = None
    reason: str | None = None
    decided: int = 0


def fate_unread(row: Parked, state: DeliveryState, failure: FailureClass, reason: str) -> Fate:
    """Where a parked delivery stands that cannot be read."""
    # Its attempts may be what is not readable: they are not told, but counted, so that its revision grows.
    decided = row.decided + len(row.history)
    return Fate(state, deadline=row.deadline or None, failure=failure, reason=reason, decided=decided)


@dataclass(frozen=True)
class Voice:
    """Makes the messages about the deliveries of one organisation."""

    organisation: Organisation
    clock: Clock
    ids: Callable[[], str]

    @cached_property
    def source(self) -> str:
        """The CloudEvents source of these messages."""
        return f"urn:tongche:dispatch:{self.organisation.id}"

    @cached_property
    def events(self) -> str:
        """The topic of what this kind of agency says."""
        return topics.events(self.organisation.agency).name

    def answered(self, command: Message[Contract], key: str, event: Contract, traceparent: str) -> Outgoing:
        """The agency's answer, on `<agency>.events`."""
        return self._say(self.events, key, command.envelope, event, traceparent)

    def refused(self, command: Message[Contract], key: str, no: Refused, traceparent: str) -> Outgoing:
        """The agency's refusal, on `<agency>.events`, in our own words."""
        code = CODES[no.code]
        event = AgencyRefusedV1(
            vin=_vin(command.data),
            organisation=self.organisation.id,
            command=contract_of(command.data)[0].name,
            code=code.id,
            reason=f"{code.zh} / {code.en}",
        )
        return self._say(self.events, key, command.envelope, event, traceparent)

    def noticed(self, key: str, event: Contract, *, id_: str, sourceid: str, traceparent: str) -> Outgoing:
        """What the organisation tells of its own accord, on `<agency>.events`; of which case, the journey finds out."""
        said = message(
            event,
            id=id_,
            source=self.source,
            subject=key,
            time=self.clock.now(),
            traceparent=traceparent,
            sourceid=sourceid,
        )
        return outgoing(self.events, key, said)

    def changed(self, command: Command, key: str, fate: Fate, traceparent: str | None = None) -> Outgoing:
        """The fate of a delivery, on `delivery.events`."""
        event = self._fate(command, fate)
        return self._say(topics.DELIVERY_EVENTS.name, key, command.envelope, event, traceparent)

    def dead(self, command: Command, key: str, fate: Fate) -> list[Outgoing]:
        """That nobody will try it again: its fate, and the same on `<organisation>.dead`.

        The command's own data stays in the store: a dead letter names nobody.
        """
        event = self._fate(command, fate)
        letter = self._say(topics.dead(self.organisation.id).name, key, command.envelope, event, None)
        return [self.changed(command, key, fate), letter]

    def _fate(self, command: Command, fate: Fate) -> DeliveryChangedV1:
        name, vin = _about(command)
        return DeliveryChangedV1(
            delivery_id=command.envelope.id,
            vin=vin,
            organisation=self.organisation.id,
            command=name,
            revision=_revision(fate),
            state=fate.state,
            asked_at=command.envelope.time,
            attempts=tuple(fate.attempts[-MOST_ATTEMPTS:]),
            next_try_at=_moment(fate.next_try_at),
            deadline=_moment(fate.deadline),
            failure=fate.failure,
            owner=OWNER_OF[fate.failure] if fate.state == "dead" and fate.failure else None,
            reason=fate.reason,
        )

    def _say(self, topic: str, key: str, cause: Envelope, data: Contract, traceparent: str | None) -> Outgoing:
        said = message(
            data,
            id=self.ids(),
            source=self.source,
            subject=cause.subject,
            time=self.clock.now(),
            cause=cause,
            traceparent=traceparent,
        )
        return outgoing(topic, key, said)


MOST_ATTEMPTS: Final = 100
"""A delivery that is tried hourly for a month keeps its last attempts, not all."""
_RANK: Final[dict[DeliveryState, int]] = {"parked": 1, "dead": 2, "cancelled": 3, "refused": 4, "settled": 5}


def _revision(fate: Fate) -> int:
    """Grows with every try and every decision of a person, and in between with how final the state is."""
    tries = fate.attempts[-1].number if fate.attempts else 0
    return (tries + fate.decided) * 10 + _RANK[fate.state]


def _about(command: Command) -> tuple[str, str | None]:
    """Its contract's name, and its vehicle."""
    if isinstance(command, Unread):
        return command.name, command.vin
    return contract_of(command.data)[0].name, _vin(command.data)


def _vin(data: Contract) -> str:
    # Every command is about one vehicle; a test walks the table.
    return str(vars(data)["vin"])


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
