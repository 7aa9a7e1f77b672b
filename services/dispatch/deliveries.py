"""The deliveries of one organisation: in order for each vehicle, held while it is down, parked when one fails.

What happens to a command, in this order: its outcome is stored (with the ids of what is to be said), then said,
then its Kafka offset, or its parked row, is let go. A crash between any two steps says the same again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, Final, TypeVar

from pydantic_core import to_json
from sqlalchemy import Connection
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter

from adapters.errors import AgencyError, Ambiguous, BrokenAnswer, NotYet, Refused, Result, Unavailable
from adapters.spec import Features, Operation
from contracts.contract import Contract
from contracts.delivery import Attempt, FailureClass
from contracts.envelope import Message, Undecodable
from contracts.registry import contract_of
from contracts.topics import COMMANDS
from observability import logs, metrics, tracing
from services.runtime import ledger, outbox, parking
from services.runtime.breaker import Breaker, State
from services.runtime.lanes import Gone, Stuck
from services.runtime.owner import Fence
from services.runtime.parking import Parked
from services.runtime.poison import set_aside
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Place, Record, read
from services.runtime.store import Op, Store, waited_out

from .calls import Agency
from .voice import Fate, Voice

T = TypeVar("T")

PARK_FOR_S: Final = (30.0, 120.0, 600.0, 1800.0, 3600.0)
"""How long a parked head waits before each next try; the last one repeats."""
_LOOK_S: Final = 1.0
_HEADS_AT_ONCE: Final = 50


class NeedsPerson(AgencyError):
    """It may have happened, and nobody can tell: never resend, a person decides."""

    result: ClassVar[Result] = "ambiguous"


@dataclass(frozen=True, slots=True)
class Answered:
    """The outcome of a delivery: what is to be said about it."""

    outputs: tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Not delivered for now: why, and when to try again at the earliest (seconds since 1970)."""

    failure: FailureClass
    reason: str
    not_before: float
    final: bool = False


@dataclass(slots=True)
class _Delivery:
    """One command under way, and the attempts it has had."""

    record: Record
    command: Message[Contract]
    operation: Operation
    attempts: list[Attempt]
    since: float
    held_s: float = 0.0
    begun: bool = False
    cut_off: bool = False
    """A process that called before us never told how it ended."""

    @property
    def name(self) -> str:
        """The command's contract."""
        return contract_of(self.command.data)[0].name

    @property
    def deadline(self) -> float:
        """When to give up, in seconds since 1970."""
        return self.since + COMMANDS[self.name].deadline.total_seconds()

    @property
    def doubtful(self) -> bool:
        """Whether an attempt may have had its effect though no answer came."""
        return self.cut_off or any(one.result in ("ambiguous", "broken-answer") for one in self.attempts)


@dataclass(slots=True)
class Deliveries:
    """The `Work` of one organisation's lanes."""

    agency: Agency
    voice: Voice
    store: Store
    producer: Producer
    fence: Fence
    breaker: Breaker
    pauses_s: Sequence[float] = PARK_FOR_S
    _calls: asyncio.Semaphore = field(init=False)
    _mine: set[Place] = field(default_factory=set)
    _keys: set[str] = field(default_factory=set)
    _trying: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _look: asyncio.Event = field(default_factory=asyncio.Event)
    in_flight: int = 0

    def __post_init__(self) -> None:
        self._calls = asyncio.Semaphore(self.agency.adapter.limits.concurrency)

    @property
    def consumer(self) -> str:
        """The name under which this organisation's rows stand in the ledger and among the parked."""
        return f"dispatch.{self.agency.organisation.id}"

    # -- the lanes' side

    async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        """Take the fence, then learn which keys wait parked."""
        mine = await self.fence.take(partitions, generation)
        self._mine |= set(mine)
        here = frozenset(self._mine)
        self._keys = await self._durable(lambda connection: parking.keys(connection, self.consumer, here))
        self._look.set()
        return mine

    async def recall(self, records: Sequence[Record]) -> Mapping[str, Any]:
        """What was decided before about a batch of commands."""
        ids = [record.id for record in records]
        return await self._seen(lambda connection: ledger.decided(connection, self.consumer, ids))

    async def handle(self, record: Record, known: Any | None) -> None:
        """Deliver a command, or park it, or say again what was decided."""
        if known is None and not self._forgiving:
            # The same command may stand in the topic twice; its first copy may have been settled since the look-up.
            known = (await self.recall([record])).get(record.id)
        if known is not None:
            await self.producer.send_all(known)
            return
        try:
            delivery = self._new(record)
        except Undecodable as wrong:
            await set_aside(self.producer, record, wrong.reason)
            return
        if record.key in self._keys and await self._parked_behind(delivery):
            return
        outcome = await self._in_place(delivery)
        if isinstance(outcome, Answered):
            said = await self._durable(lambda connection: self._settle(connection, record, outcome.outputs))
            await self.producer.send_all(said)
        else:
            await self._park(delivery, outcome)

    def leaving(self, partitions: Collection[Place]) -> None:
        """Let those go who wait for the organisation to come back."""
        self._mine.difference_update(partitions)
        self.breaker.wake()

    async def revoked(self, partitions: Collection[Place]) -> None:
        """Stop trying the parked ones."""
        for task in self._trying.values():
            task.cancel()
        await asyncio.gather(*self._trying.values(), return_exceptions=True)
        self._trying.clear()
        self.fence.drop(partitions)

    def waits(self) -> bool:
        """An organisation that is down, or a store that is, would keep a new process waiting as well."""
        return self.breaker.state is not State.CLOSED or not self.store.available

    # -- one delivery

    def _new(self, record: Record) -> _Delivery:
        command = read(record)
        operation = self.agency.operation(contract_of(command.data)[0].name)
        if operation is None:
            reason = "not-a-command-of-this-agency"
            raise Undecodable(reason)
        return _Delivery(record, command, operation, [], command.envelope.time.timestamp())

    async def _in_place(self, delivery: _Delivery, tries: int = 0) -> Answered | Failed:
        """Try for a few seconds while only this vehicle waits. Time spent held does not count."""
        policy = self.agency.adapter.retry

        def spent(state: RetryCallState) -> bool:
            tried_s = (state.seconds_since_start or 0.0) - delivery.held_s
            longest_pause_s = policy.longest.total_seconds()
            return tried_s >= policy.in_place_for.total_seconds() or _asked_for(state) > longest_pause_s

        backoff = wait_exponential_jitter(
            multiplier=policy.first.total_seconds(),
            max=policy.longest.total_seconds(),
            exp_base=policy.factor,
            jitter=policy.first.total_seconds(),
        )
        retrying = AsyncRetrying(
            stop=spent,
            wait=lambda state: max(backoff(state), _asked_for(state)),
            retry=retry_if_exception_type((Unavailable, NotYet, Ambiguous, BrokenAnswer)),
            reraise=True,
        )
        try:
            outcome: Answered = await retrying(self._attempt, delivery)
        except AgencyError as error:
            return self._failed(delivery, error, tries)
        except (Gone, Stuck):
            raise
        except Exception as unplanned:  # noqa: BLE001 - a mistake about one command must not stop all the others
            place = logs.place_of(unplanned)
            logs.get().error("unplanned", where=place, command=delivery.name, case_id=_case(delivery.command))
            return self._failed(delivery, self._unplanned(unplanned), tries)
        return outcome

    def _unplanned(self, error: Exception) -> AgencyError:
        reason = f"unplanned: {type(error).__name__}"
        return BrokenAnswer(reason) if self._forgiving else NeedsPerson(reason)

    async def _attempt(self, delivery: _Delivery) -> Answered:
        place = delivery.record.place
        if place not in self._mine:
            raise Gone
        delivery.held_s += await self.breaker.enter(lambda: place not in self._mine)
        try:
            await self._begin(delivery)
            async with self._calls:
                await self.fence.leased(place)
                self.in_flight += 1
                try:
                    return await self._traced(delivery)
                finally:
                    self.in_flight -= 1
        except AgencyError:
            await self._end(delivery)
            raise
        except BaseException:
            # It may have been the probe, for whose result everybody waits.
            self.breaker.abandoned()
            raise

    @property
    def _forgiving(self) -> bool:
        return self.agency.adapter.features is Features.IDEMPOTENT

    async def _begin(self, delivery: _Delivery) -> None:
        """Note durably that a call begins, where the agency would not know a second one for the same.

        Raises `NeedsPerson` where a process died during an earlier call and nobody can look up what came of it.
        """
        if self._forgiving or delivery.begun:
            return
        record = delivery.record

        def act(connection: Connection) -> bool:
            self._check(connection, record)
            return ledger.begin(connection, self.consumer, record.id)

        delivery.cut_off |= not await self._durable(act)
        delivery.begun = True
        if delivery.cut_off and not self._may_resend(delivery.operation):
            self.breaker.abandoned()  # nothing was asked, so nothing was probed
            reason = "a call was cut off"
            raise NeedsPerson(reason)

    async def _end(self, delivery: _Delivery) -> None:
        """Take the note back where it is certain that nothing happened; otherwise the outcome does it."""
        if delivery.begun and not delivery.doubtful:
            await self._durable(partial(self._ended, record=delivery.record))
            delivery.begun = False

    def _ended(self, connection: Connection, record: Record) -> None:
        self._check(connection, record)
        if not self._forgiving:
            ledger.end(connection, self.consumer, record.id)

    async def _traced(self, delivery: _Delivery) -> Answered:
        envelope, last = delivery.command.envelope, delivery.attempts[-1:]
        with tracing.span(
            f"process {delivery.record.topic}",
            kind="consumer",
            parent=envelope.traceparent,
            links=[one.span_id for one in last if one.span_id],
            case_id=envelope.subject,
            attributes={
                "messaging.destination.name": delivery.record.topic,
                "tongche.organisation": self.agency.organisation.id,
                "tongche.command": delivery.name,
                "tongche.attempt": len(delivery.attempts) + 1,
            },
        ) as span:
            return await self._called(delivery, span)

    async def _called(self, delivery: _Delivery, span: tracing.SpanHandle) -> Answered:
        came: Contract | AgencyError
        began, clock = datetime.now(UTC), time.monotonic()
        try:
            came = await self._asked(delivery, span.traceparent)
        except AgencyError as failure:
            came = failure
        lasted = time.monotonic() - clock
        error = came if isinstance(came, AgencyError) else None
        self._judge(error)
        delivery.attempts.append(_attempt(len(delivery.attempts) + 1, began, lasted, error, span.span_id))
        metrics.observe("tongche_agency_call_seconds", lasted, organisation=self.agency.organisation.id)
        if error is not None:
            span.fail(error.result)
            span.set("tongche.code", getattr(error, "code", None))
        return self._outcome(delivery, came, span.traceparent)

    async def _asked(self, delivery: _Delivery, traceparent: str) -> Contract:
        """Ask; after a doubtful try first find out, where that is possible, whether it was carried out."""
        if delivery.doubtful and self.agency.can_look_up(delivery.operation):
            found = await self.agency.look_up(delivery.operation, delivery.command, traceparent)
            if found is not None:
                return found
        return await self.agency.ask(delivery.operation, delivery.command, traceparent)

    def _judge(self, error: AgencyError | None) -> None:
        """Tell the breaker whether the organisation is there at all; what it says is another matter."""
        away = isinstance(error, Unavailable) or (isinstance(error, Ambiguous) and error.status is None)
        if not away:
            self.breaker.succeeded()
            return
        pause = getattr(error, "retry_after", None)
        self.breaker.failed(str(error), pause.total_seconds() if pause else None)

    def _outcome(self, delivery: _Delivery, came: Contract | AgencyError, traceparent: str) -> Answered:
        """What an attempt came to; raises what may be tried again."""
        command, key = delivery.command, delivery.record.key
        if not isinstance(came, AgencyError):
            fate = Fate("settled", delivery.attempts, deadline=delivery.deadline)
            said = self.voice.answered(command, key, came, traceparent)
            return Answered((said, self.voice.changed(command, key, fate, traceparent)))
        if isinstance(came, Refused):
            fate = Fate("refused", delivery.attempts, deadline=delivery.deadline, reason=came.code)
            said = self.voice.refused(command, key, came, traceparent)
            return Answered((said, self.voice.changed(command, key, fate, traceparent)))
        if delivery.doubtful and not self._may_resend(delivery.operation):
            raise NeedsPerson(str(came)) from came
        raise came

    def _may_resend(self, operation: Operation) -> bool:
        return self.agency.adapter.features is Features.IDEMPOTENT or self.agency.can_look_up(operation)

    def _failed(self, delivery: _Delivery, error: AgencyError, tries: int) -> Failed:
        now = time.time()
        failure = _FAILURES[type(error)]
        asked_for: timedelta | None = getattr(error, "retry_after", None)
        pause = max(self.pauses_s[min(tries, len(self.pauses_s) - 1)], asked_for.total_seconds() if asked_for else 0.0)
        if isinstance(error, NeedsPerson):
            return Failed(failure, str(error), now, final=True)
        if now >= delivery.deadline:
            return Failed("deadline", f"{failure}: {error}", now, final=True)
        return Failed(failure, str(error), min(now + pause, delivery.deadline))

    # -- parking

    async def _parked_behind(self, delivery: _Delivery) -> bool:
        row = self._row(delivery)

        def act(connection: Connection) -> bool:
            self._check(connection, delivery.record)
            return parking.park_behind(connection, row)

        return await self._durable(act)

    async def _park(self, delivery: _Delivery, failed: Failed, tries: int = 0) -> None:
        """Store that it waits, or that it is dead, and say so; the head of its key if nothing waits before it."""
        row = replace(
            self._row(delivery),
            state="dead" if failed.final else "parked",
            tries=tries + 1,
            not_before=failed.not_before,
            failure=failed.failure,
            reason=failed.reason,
        )
        said = self._fates(delivery, failed)
        self._keys.add(delivery.record.key)

        def act(connection: Connection) -> None:
            if delivery.cut_off:
                # That a call was cut off stays on record until an outcome clears it up.
                self._check(connection, delivery.record)
            else:
                self._ended(connection, delivery.record)
            if not parking.put(connection, row):
                parking.park(connection, row)
            for one in said:
                outbox.add_outgoing(connection, one)

        await self._durable(act)
        logs.get().info("delivery_parked", state=row.state, failure=row.failure, case_id=_case(delivery.command))

    def _fates(self, delivery: _Delivery, failed: Failed) -> list[Outgoing]:
        command, key = delivery.command, delivery.record.key
        fate = Fate(
            "dead" if failed.final else "parked",
            delivery.attempts,
            None if failed.final else failed.not_before,
            delivery.deadline,
            failed.failure,
            failed.reason,
        )
        said = [self.voice.changed(command, key, fate)]
        return [*said, self.voice.dead(command, key, fate)] if failed.final else said

    def _row(self, delivery: _Delivery) -> Parked:
        history = tuple(one.model_dump(mode="json") for one in delivery.attempts)
        return Parked(self.consumer, delivery.record, since=delivery.since, history=history)

    async def try_parked(self) -> None:
        """Try the heads that are due, for as long as the service lives."""
        async with asyncio.TaskGroup() as heads:
            while True:
                self._look.clear()
                for row in await self._due():
                    if row.record.key not in self._trying:
                        task = heads.create_task(self._head(row))
                        self._trying[row.record.key] = task
                        task.add_done_callback(partial(self._tried, row.record.key))
                await self._next_look()

    async def _due(self) -> list[Parked]:
        if not self._mine or not self._keys:
            return []
        now, mine = time.time(), frozenset(self._mine)
        return await self._seen(
            lambda connection: parking.due_heads(connection, self.consumer, mine, now, _HEADS_AT_ONCE)
        )

    async def _next_look(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._look.wait()
        except TimeoutError:
            return

    def _tried(self, key: str, _: asyncio.Task[None]) -> None:
        self._trying.pop(key, None)
        self._look.set()

    async def _head(self, row: Parked) -> None:
        try:
            await self._try_head(row)
        except Gone:
            return  # its partition moved; the new owner tries it

    async def _try_head(self, row: Parked) -> None:
        """Try once more; answered → stored → said → only then is the parked row let go."""
        # Since it was found due, a person may have cancelled it. From here on `cancel` sees that it is being tried.
        found = await self._durable(lambda connection: parking.find(connection, self.consumer, row.record.id))
        if found is None or found.state == "dead":
            return
        row = found
        if row.state != "answered":
            delivery = self._again(row)
            outcome = await self._in_place(delivery, row.tries)
            if isinstance(outcome, Failed):
                await self._park(delivery, outcome, row.tries)
                return
            row = await self._durable(lambda connection: self._answer(connection, row, outcome.outputs))
        await self.producer.send_all(row.outputs)
        if not await self._durable(lambda connection: self._remove(connection, row)):
            self._keys.discard(row.record.key)

    def _again(self, row: Parked) -> _Delivery:
        delivery = self._new(row.record)
        delivery.since = row.since
        delivery.attempts.extend(Attempt.model_validate_json(to_json(one)) for one in row.history)
        return delivery

    def _answer(self, connection: Connection, row: Parked, outputs: Sequence[Outgoing]) -> Parked:
        self._ended(connection, row.record)
        stored = ledger.decide(connection, self.consumer, row.record.id, outputs)
        answered = replace(row, state="answered", outputs=tuple(stored))
        parking.put(connection, answered)
        return answered

    def _remove(self, connection: Connection, row: Parked) -> bool:
        self._check(connection, row.record)
        return parking.remove(connection, row)

    # -- a person's acts

    async def retry(self, id_: str, reason: str) -> bool:
        """Try a parked or dead delivery again now, with a new deadline; False where none waits or it is being tried."""

        def act(connection: Connection) -> bool:
            row = parking.find(connection, self.consumer, id_)
            if row is None or row.state == "answered" or row.record.key in self._trying:
                return False
            delivery, now = self._again(row), time.time()
            fate = Fate("parked", delivery.attempts, now, failure="person", reason=reason)
            outbox.add_outgoing(connection, self.voice.changed(delivery.command, row.record.key, fate))
            return parking.put(connection, replace(row, state="parked", not_before=now, since=now))

        done = await self.store.run(act)
        self._look.set()
        return done

    async def cancel(self, id_: str, reason: str) -> bool:
        """Give a parked or dead delivery up, so that what stands behind it goes on; False where there is none.

        Not while it is being tried.
        """

        def act(connection: Connection) -> str | None:
            row = parking.find(connection, self.consumer, id_)
            if row is None or row.state == "answered" or row.record.key in self._trying:
                return None
            delivery = self._again(row)
            fate = Fate("cancelled", delivery.attempts, failure="person", reason=reason)
            said = self.voice.changed(delivery.command, row.record.key, fate)
            ledger.decide(connection, self.consumer, row.record.id, [said])
            outbox.add_outgoing(connection, said)
            left = parking.remove(connection, row)
            return "" if left else row.record.key

        emptied = await self.store.run(act)
        if emptied:
            self._keys.discard(emptied)
        self._look.set()
        return emptied is not None

    # -- the store

    def _settle(self, connection: Connection, record: Record, outputs: Sequence[Outgoing]) -> list[Outgoing]:
        self._ended(connection, record)
        return ledger.decide(connection, self.consumer, record.id, outputs)

    def _check(self, connection: Connection, record: Record) -> None:
        self.fence.check(connection, record.place)

    async def _durable(self, op: Op[T]) -> T:
        return await waited_out(lambda: self.store.run(op))

    async def _seen(self, op: Op[T]) -> T:
        return await waited_out(lambda: self.store.read(op))


_STATUSES: Final = range(100, 600)
_FAILURES: Final[dict[type[AgencyError], FailureClass]] = {
    Unavailable: "unavailable",
    NotYet: "not-yet",
    Ambiguous: "ambiguous",
    BrokenAnswer: "broken-answer",
    NeedsPerson: "person",
}


def _asked_for(state: RetryCallState) -> float:
    """How many seconds the agency asked us to wait before the next try of this command."""
    error = state.outcome.exception() if state.outcome else None
    asked: timedelta | None = getattr(error, "retry_after", None)
    # A pause of the whole organisation is the breaker's business.
    return asked.total_seconds() if asked and isinstance(error, NotYet) else 0.0


def _attempt(number: int, began: datetime, lasted_s: float, error: AgencyError | None, span_id: str) -> Attempt:
    return Attempt(
        number=number,
        started_at=began,
        duration_ms=int(lasted_s * 1000),
        result=error.result if error else "answered",
        status=_status(error),
        code=getattr(error, "code", None),
        span_id=span_id,
    )


def _status(error: AgencyError | None) -> int | None:
    status: int | None = getattr(error, "status", None) if error else HTTPStatus.OK
    # Some invent statuses, and HTTP clients hand them on.
    return status if status is not None and status in _STATUSES else None


def _case(command: Message[Contract]) -> str:
    return command.envelope.subject
