"""The shell around the heart: a message, a timer or a person's act in; the saved case, commands and news out.

Everything happens inside one act of the store: the case, its timers and what is to be sent are durable together.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from contracts import topics
from contracts.case import CaseChangedV1
from contracts.contract import Contract
from contracts.delivery import DeliveryChangedV1
from contracts.envelope import Envelope, Message, Undecodable, message
from contracts.policy import Policies
from contracts.registry import contract_of
from contracts.sale import SaleConfirmedV3
from observability import metrics, tracing
from services.runtime import outbox
from services.runtime.clock import Clock
from services.runtime.ids import new_id
from services.runtime.record import Record, read

from . import store
from .case import Case
from .decide import Decision, decide, open_case, open_return
from .snapshot import snapshot
from .store import Kept, Memory
from .unnamed import unnamed
from .world import Act, Contested, Due, Event, Told, TurnedBack, World

SOURCE: Final = "urn:tongche:journey"
DISPATCHED: Final = "urn:tongche:dispatch:"
_ROUTINE: Final = frozenset({"settled", "refused", "parked"})


class NoSuchCase(LookupError):
    """No case has this id."""


@dataclass(slots=True)
class Process:
    """Decides for all cases of one service."""

    clock: Clock
    policies: Policies
    organisations: Collection[str]
    memory: Memory = field(default_factory=Memory)

    def apply(self, connection: Connection, record: Record) -> None:
        """Take one Kafka record. Raises `Undecodable`."""
        came = read(record)
        if contract_of(came.data)[0] not in topics.carried(record.topic):
            # Each topic has its writers: a sale on an agency's topic was let in by no door.
            raise Undecodable("unexpected-type")
        if isinstance(came.data, DeliveryChangedV1) and came.data.state in _ROUTINE:
            # Dispatch's own book-keeping, which changes no case: not worth a span in everybody's trace.
            self._hear(connection, came, came.envelope.traceparent or "", record)
            return
        with tracing.span(
            f"process {record.topic}",
            kind="consumer",
            parent=came.envelope.traceparent,
            case_id=came.envelope.subject,
            attributes={"messaging.destination.name": record.topic, "tongche.contract": contract_of(came.data)[0].name},
        ) as span:
            if isinstance(came.data, SaleConfirmedV3):
                self._open(connection, record.key, came, came.data, span.traceparent)
            else:
                self._hear(connection, came, span.traceparent, record)

    def wake(self, connection: Connection, case_id: str, timer: str) -> None:
        """Let a timer that is due be heard, if it still stands."""
        kept = store.load(connection, self.memory, case_id)
        if kept is None or not store.timer_stands(connection, case_id, timer):
            return
        metrics.count("tongche_timers_fired_total", operation=timer.partition(":")[0])
        self._decide(connection, kept, Due(timer), "decide timer")

    def act(self, connection: Connection, case_id: str, act: Act) -> CaseChangedV1:
        """Let a person act. Raises `NoSuchCase` and `repair.NotPossible`."""
        kept = store.load(connection, self.memory, case_id)
        if kept is None:
            raise NoSuchCase(case_id)
        said = unnamed(act, kept.case)
        decision = self._decide(connection, kept, said, f"decide {type(act).__name__.lower()}")
        return snapshot(decision.case, decision.steps)

    def _open(
        self, connection: Connection, key: str, came: Message[Contract], sale: SaleConfirmedV3, trace: str
    ) -> None:
        known = store.load(connection, self.memory, came.envelope.subject)
        holder = store.holder(connection, sale.vin)
        told = Told(sale, came.envelope.id, taken=holder is not None)
        if known:
            self._carry_out(connection, known.origin, decide(known.case, told, self._world()), came.envelope, trace)
            return
        origin = store.Origin(key, came.envelope.source, came.envelope.sourceid, trace)
        opened = open_case(came.envelope.subject, told, self._world())
        self._carry_out(connection, origin, opened, came.envelope, trace)
        if holder is not None:
            self._tell_first_buyer(connection, holder)
        self._take_up(connection, opened.case, key)

    def _tell_first_buyer(self, connection: Connection, holder: str) -> None:
        first = store.load(connection, self.memory, holder)
        if first:
            self._decide(connection, first, Contested(), "decide contested")

    def _take_up(self, connection: Connection, opened: Case, key: str) -> None:
        """Hear what came for the case, or for its vehicle, before it was opened."""
        subjects = (opened.id,) if opened.ended else (opened.id, key)
        for record in store.waiting(connection, *subjects):
            try:
                came = read(record)
            except Undecodable:
                continue  # what nobody can read any more stays where it is counted, and keeps no case from opening
            store.placed(connection, came.envelope.id)
            self._hear(connection, came, came.envelope.traceparent or "", record)

    def _hear(self, connection: Connection, came: Message[Contract], trace: str, record: Record) -> None:
        kept = self._concerned(connection, came, record)
        for one in kept:
            told = Told(came.data, came.envelope.id, came.envelope.causationid, _speaker(came.envelope))
            self._carry_out(connection, one.origin, decide(one.case, told, self._world()), came.envelope, trace)
        if not kept:
            store.set_aside(connection, came.envelope, record)

    def _concerned(self, connection: Connection, came: Message[Contract], record: Record) -> list[Kept]:
        """The case that a message is about; an organisation that gives notice knows the vehicle only.

        Of a car that went back the return's case alone hears: it has taken over what notices are about.
        """
        kept = store.load(connection, self.memory, came.envelope.subject)
        if kept:
            return [kept]
        if contract_of(came.data)[0].name not in topics.NOTICES:
            return []
        living = store.of_vehicle(connection, self.memory, record.key)
        return [one for one in living if one.case.kind == "returned-car"] or living

    def _decide(self, connection: Connection, kept: Kept, event: Event, name: str) -> Decision:
        with tracing.span(name, parent=kept.origin.traceparent, case_id=kept.case.id) as span:
            decision = decide(kept.case, event, self._world())
            self._carry_out(connection, kept.origin, decision, None, span.traceparent)
            return decision

    def _carry_out(
        self, connection: Connection, origin: store.Origin, decision: Decision, cause: Envelope | None, trace: str
    ) -> None:
        if not decision.changed:
            return
        store.save(connection, self.memory, decision, origin)
        voice = _Voice(connection, origin, decision.case, cause, trace)
        voice.say(topics.CASE_EVENTS.name, new_id(), snapshot(decision.case, decision.steps), self.clock)
        for command in decision.commands:
            voice.say(topics.commands(command.organisation).name, command.id, command.data, self.clock)
        _measure(decision)
        if decision.case.kind == "returned-car" and decision.case.ended == "CANCELLED":
            self._turn_back(connection, decision.case)
        if decision.follow_up:
            self._follow_up(connection, origin, decision.case, cause, trace)

    def _turn_back(self, connection: Connection, back: Case) -> None:
        """Give the case of the sale what the case of its return had taken over, once."""
        holder = store.holder(connection, back.vin)
        sold = store.load(connection, self.memory, holder) if holder else None
        if sold and sold.case.followed:
            self._decide(connection, sold, TurnedBack(back), "decide turned back")

    def _follow_up(
        self, connection: Connection, origin: store.Origin, sold: Case, cause: Envelope | None, trace: str
    ) -> None:
        """Open the case of a registered car that went back."""
        opened = open_return(new_id(), sold, self._world())
        self._carry_out(connection, origin, opened, cause, trace)
        self._take_up(connection, opened.case, origin.key)

    def _world(self) -> World:
        return World(self.clock.now(), self.clock.today(), self.policies, self.organisations, new_id)


@dataclass(frozen=True, slots=True)
class _Voice:
    """All that one decision says has the same cause, trace and key."""

    connection: Connection
    origin: store.Origin
    case: Case
    cause: Envelope | None
    trace: str

    def say(self, topic: str, id_: str, data: Contract, clock: Clock) -> None:
        said = message(
            data,
            id=id_,
            source=SOURCE,
            subject=self.case.id,
            time=clock.now(),
            cause=self.cause,
            traceparent=self.trace,
            policypacks=",".join(self.case.packs) or None,
            concerns=str(self.case.sale.concerns),
        )
        outbox.add(self.connection, topic, self.origin.key, said)


def _speaker(envelope: Envelope) -> str | None:
    """The organisation whose word dispatch passes on."""
    _, found, organisation = envelope.source.partition(DISPATCHED)
    return organisation if found else None


def _measure(decision: Decision) -> None:
    for step in decision.steps:
        metrics.count("tongche_case_steps_total", state=f"{step.facet}:{step.after}")
    for command in decision.commands:
        metrics.count("tongche_commands_sent_total", organisation=command.organisation)
