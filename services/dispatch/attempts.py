"""Trying one delivery: for its turn at the gate, one call, what came of it, and again for a few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter

from adapters.errors import AgencyError, Ambiguous, BrokenAnswer, NotYet, Refused, TakenIn, Unavailable
from adapters.spec import Operation
from contracts.contract import Contract
from contracts.delivery import Attempt
from contracts.topics import COMMAND_PARTITIONS
from observability import logs, metrics, tracing
from services.runtime.clock import Clock
from services.runtime.gate import Gate, Late, Slot
from services.runtime.record import Place
from services.runtime.turns import Turns
from services.runtime.work import Gone, Stuck

from .book import Book
from .calls import Agency, settles
from .delivery import FAILURES, Answered, Delivery, Failed, NeedsPerson, Overtaken, Unsettled, is_doubtful
from .doubts import Doubts
from .voice import Fate, Voice

PARK_FOR_S: Final = (30.0, 120.0, 600.0, 1800.0, 3600.0)
"""How long a parked head waits before each next try; the last one repeats."""
_RARER: Final = 16
_FETCHED_AGAIN_S: Final = 60.0
"""What was taken in is asked for at least so often while it is parked."""
_AGAIN: Final = (Unavailable, NotYet, Ambiguous, BrokenAnswer)
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_STATUSES: Final = range(100, 600)

Act = Callable[[Delivery, Slot], Awaitable[Answered | None]]
"""What is done within a slot; None if it led to nothing and the delivery must begin anew."""
Ask = Callable[[Delivery, str], Awaitable[Contract | None]]
"""One question to the agency under a traceparent; None if it knows nothing of the delivery."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Tries deliveries to one organisation.

    `partitions` counts those of its commands over all workers; `mine` holds those that are ours and not about to go.
    What the organisation bears is shared out as they are.
    """

    agency: Agency
    voice: Voice
    book: Book
    gate: Gate
    clock: Clock
    pauses_s: Sequence[float] = PARK_FOR_S
    partitions: int = COMMAND_PARTITIONS
    mine: set[Place] = field(default_factory=set)
    doubts: Doubts = field(default_factory=Doubts)

    async def outcome(self, delivery: Delivery, tries: int = 0) -> Answered | Failed:
        """Try for a few seconds while only this vehicle waits; `tries` counts earlier times of parking.

        Time spent waiting for a turn does not count. Raises `Gone` when its partition goes.
        """
        try:
            return await self._in_place(delivery)
        except AgencyError as error:
            return self._failed(delivery, error, tries)
        except Late:
            return Failed("deadline", self._waited_for(delivery), self._now(), final=True)
        except (Gone, Stuck, Overtaken):
            raise
        except Exception as unplanned:  # noqa: BLE001 - a mistake about one command must not stop all the others
            place = logs.place_of(unplanned)
            logs.get().error("unplanned", where=place, command=delivery.name, case_id=delivery.case)
            reason = _unplanned(unplanned)
            resend = self._may_resend(delivery.operation)
            return self._failed(delivery, BrokenAnswer(reason) if resend else NeedsPerson(reason), tries)

    async def take_up(self, delivery: Delivery) -> None:
        """Note durably that a parked one is being tried. Raises `Overtaken` where a person has decided about it."""
        if delivery.row is None or delivery.taken_up:
            return
        found = await self.book.take_up(delivery.row)
        if found is None:
            raise Overtaken
        delivery.row, delivery.taken_up = found, True
        if found.trying is not None:
            # A try that was cut off, most often with its process: nobody knows what came of it.
            delivery.attempts.append(_attempt(delivery, self.clock.now(), 0.0, Ambiguous(), None))

    def taking(self, partitions: Collection[Place]) -> None:
        """Have partitions from now on."""
        self.mine.update(partitions)
        self._take_share()
        self.gate.look()

    def leaving(self, partitions: Collection[Place]) -> None:
        """Let those go who wait at the gate for partitions that are about to go."""
        self.mine.difference_update(partitions)
        self._take_share()
        self.gate.look()

    def _take_share(self) -> None:
        if not self.mine:
            return
        self.gate.share = len(self.mine) / self.partitions
        if self.gate.concurrency < self.partitions:
            numbers = frozenset(place.partition for place in self.mine)
            patience_s = self.agency.patience_s
            self.gate.turns = Turns(numbers, self.partitions, self.gate.concurrency, patience_s, self._now)

    # -- again and again

    async def _in_place(self, delivery: Delivery) -> Answered:
        delivery.held_s, began = 0.0, self._while_there()
        try:
            return await self._once(delivery)
        except _AGAIN as first:
            # Only now: the machinery for trying again costs more than most calls.
            return await self._again(delivery, first, began)

    async def _again(self, delivery: Delivery, first: AgencyError, began: float) -> Answered:
        policy = self.agency.adapter.retry
        failures = [first]

        async def attempt() -> Answered:
            if failures:
                raise failures.pop()
            return await self._once(delivery)

        def spent(state: RetryCallState) -> bool:
            tried_s = self._while_there() - began - delivery.held_s
            longest_pause_s = policy.longest.total_seconds()
            return tried_s >= policy.in_place_for.total_seconds() or _asked_for(state) > longest_pause_s

        backoff = wait_exponential_jitter(
            multiplier=policy.first.total_seconds(),
            max=policy.longest.total_seconds(),
            exp_base=policy.factor,
            jitter=policy.first.total_seconds(),
        )
        retrying = AsyncRetrying(
            sleep=asyncio.sleep,
            stop=spent,
            wait=lambda state: max(backoff(state), _asked_for(state)),
            retry=retry_if_exception_type(_AGAIN),
            reraise=True,
        )
        answered: Answered = await retrying(attempt)
        return answered

    def _waited_for(self, delivery: Delivery) -> str:
        """Why its time ran out."""
        last = delivery.attempts[-1].result if delivery.attempts else "never called"
        return self.gate.breaker.reason or last

    def _while_there(self) -> float:
        """A clock that stands while the organisation is away: how long that lasts says nothing about one command."""
        return _time() - self.gate.breaker.away_s

    def _failed(self, delivery: Delivery, error: AgencyError, tries: int) -> Failed:
        now = self._now()
        failure = FAILURES[type(error)]
        asked_for: timedelta | None = getattr(error, "retry_after", None)
        usual = self.pauses_s[min(tries, len(self.pauses_s) - 1)]
        if isinstance(error, TakenIn) and asked_for:
            # Nothing is wrong: it is asked for soon again, and ever more rarely.
            pause = min(asked_for.total_seconds() * 2 ** min(tries, _RARER), _FETCHED_AGAIN_S)
        else:
            pause = max(usual, asked_for.total_seconds() if asked_for else 0.0)
        if isinstance(error, NeedsPerson):
            return Failed(failure, str(error), now, final=True)
        if now >= delivery.deadline:
            return Failed("deadline", f"{failure}: {error}", now, final=True)
        return Failed(failure, str(error), min(now + pause, delivery.deadline))

    def _now(self) -> float:
        return self.clock.now().timestamp()

    # -- one attempt

    async def _once(self, delivery: Delivery) -> Answered:
        """One try; after a doubtful one first find out, where that is possible, whether it was carried out.

        What was taken in is not tried again: its answer is asked for.
        """
        while True:
            if delivery.taken_in or self._in_doubt(delivery):
                found = await self._in_turn(delivery, self._fetched if delivery.taken_in else self._looked_up)
                if found is not None:
                    return found
            answered = await self._in_turn(delivery, self._called)
            if answered is not None:
                return answered

    async def _in_turn(self, delivery: Delivery, act: Act) -> Answered | None:
        place = delivery.record.place
        while True:
            if not self.book.fence.fresh(place):
                await self.book.fence.leased(place)
            await self._put_down(delivery)
            async with self.gate.slot(lambda: place not in self.mine, delivery.deadline - self._now()) as slot:
                delivery.held_s += slot.waited_s
                await self.take_up(delivery)
                # The lease may have lapsed while it waited here: then it waits for that outside, with no slot taken.
                if self.book.fence.fresh(place):
                    return await act(delivery, slot)

    async def _put_down(self, delivery: Delivery) -> None:
        """While it waits for its turn people may decide about a parked one, and see what came of it so far."""
        if delivery.row is None or self.gate.free:
            return
        if delivery.row.trying == self.book.fence.name:
            # A try of ours that was cut off when its partition went, and now it is back.
            await self.take_up(delivery)
        if delivery.taken_up:
            delivery.row = replace(delivery.row, trying=None, history=delivery.history)
            await self.book.put_down(delivery.row)
            delivery.taken_up = False

    async def _looked_up(self, delivery: Delivery, slot: Slot) -> Answered | None:
        """Ask whether it was carried out; None if it was not, and never will be."""
        return await self._traced(delivery, slot, self._found_out)

    async def _fetched(self, delivery: Delivery, slot: Slot) -> Answered | None:
        """Ask for the answer to what was taken in."""
        return await self._traced(delivery, slot, self._answer_later)

    async def _called(self, delivery: Delivery, slot: Slot) -> Answered | None:
        """Call; None if it must not be called yet."""
        if not await self._may_call(delivery):
            return None
        try:
            return await self._traced(delivery, slot, self._asked)
        except AgencyError as error:
            # The note is taken back where it is certain that nothing happened; otherwise the outcome does it.
            nothing_happened = not is_doubtful(error) and not delivery.taken_in
            if delivery.begun and nothing_happened and not self._in_doubt(delivery):
                await self.book.end(delivery.record)
                delivery.begun = False
            raise

    async def _may_call(self, delivery: Delivery) -> bool:
        """Note durably that a call begins, where the agency would not know a second one for the same.

        False if nothing may be called yet: an earlier call was cut off and must be looked up, or writing the note
        took so long that the lease lapsed. Raises `NeedsPerson` where a call was cut off and nobody can look it up.
        """
        if self.agency.knows_again(delivery.operation):
            return True
        if delivery.begun:
            if delivery.doubtful:
                await self.book.begin_again(delivery.record, self._now())
        else:
            delivery.cut_off_at = await self.book.begin(delivery.record, self._now())
            delivery.begun = True
            if delivery.cut_off_at is not None:
                self._demand_look_up(delivery)
                return False
        return self.book.fence.fresh(delivery.record.place)

    def _demand_look_up(self, delivery: Delivery) -> None:
        if not self.agency.can_look_up(delivery.operation):
            reason = "a call was cut off"
            raise NeedsPerson(reason)

    def _in_doubt(self, delivery: Delivery) -> bool:
        """Whether it must be looked up; of a blind agency a person has judged what was doubtful before."""
        return delivery.doubtful and self.agency.can_look_up(delivery.operation)

    async def _found_out(self, delivery: Delivery, traceparent: str) -> Contract | None:
        found = await self.agency.look_up(delivery.operation, delivery.command, delivery.key, traceparent)
        if found is None and (wait := self._settles_in(delivery)) > timedelta():
            raise Unsettled(wait)
        return found

    async def _answer_later(self, delivery: Delivery, traceparent: str) -> Contract:
        """What was taken in may be unknown for a while, and may be forgotten. Raises `NotYet` where it was."""
        found = await self.agency.fetch(delivery.operation, delivery.command, delivery.key, traceparent)
        if found is not None:
            return found
        if not self.agency.knows_again(delivery.operation) and (wait := self._settles_in(delivery)) > timedelta():
            raise Unsettled(wait)
        if not self._may_resend(delivery.operation):
            contradiction = "taken in, and unknown since"
            raise NeedsPerson(contradiction)
        forgotten = "D404"
        raise NotYet(forgotten, HTTPStatus.NOT_FOUND)

    def _settles_in(self, delivery: Delivery) -> timedelta:
        """How long a doubtful call may still be carried out: our own, or a later one of a process before us."""
        longest = settles(delivery.operation)
        if longest is None or not delivery.doubtful:
            return timedelta()
        return longest - timedelta(seconds=min(self._ages(delivery)))

    def _ages(self, delivery: Delivery) -> Iterator[float]:
        """How many seconds ago the calls ended that are in doubt."""
        now = self._now()
        if (until := delivery.cut_off_until) is not None:
            yield now - until
        if delivery.taken_in:
            yield now - delivery.attempts[-1].started_at.timestamp()
        if (one := delivery.doubted) is not None:
            ago_s = self.doubts.ago_s(one.span_id)
            yield now - one.started_at.timestamp() - one.duration_ms / 1000 if ago_s is None else ago_s

    async def _asked(self, delivery: Delivery, traceparent: str) -> Contract | None:
        return await self.agency.ask(delivery.operation, delivery.command, delivery.key, traceparent)

    async def _traced(self, delivery: Delivery, slot: Slot, ask: Ask) -> Answered | None:
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
            return await self._tried(delivery, slot, span, ask)

    async def _tried(self, delivery: Delivery, slot: Slot, span: tracing.SpanHandle, ask: Ask) -> Answered | None:
        came: Contract | AgencyError | None
        began, started = self.clock.now(), _time()
        try:
            came = await ask(delivery, span.traceparent)
        except AgencyError as failure:
            came = failure
        except Exception as mistake:
            # A mistake of ours, which says nothing of the organisation; but it may have happened.
            error = BrokenAnswer(_unplanned(mistake))
            delivery.attempts.append(_attempt(delivery, began, _time() - started, error, span.span_id))
            self.doubts.note(span.span_id)
            raise
        lasted = _time() - started
        wrong = came if isinstance(came, AgencyError) else None
        _judge(slot, wrong, delivery)
        metrics.observe("tongche_agency_call_seconds", lasted, organisation=self.agency.organisation.id)
        if came is None:
            return None
        if isinstance(wrong, TakenIn | Unsettled) and delivery.taken_in:
            # Asked for and not there yet: no news, and it would fill the story of a delivery that waits for days.
            raise wrong
        delivery.attempts.append(_attempt(delivery, began, lasted, wrong, span.span_id))
        if wrong is not None:
            if is_doubtful(wrong) and not delivery.taken_in:
                self.doubts.note(span.span_id)
            span.fail(wrong.result)
            span.set("tongche.code", getattr(wrong, "code", None))
        return self._said(delivery, came, span.traceparent)

    def _said(self, delivery: Delivery, came: Contract | AgencyError, traceparent: str) -> Answered:
        """What an attempt came to; raises what may be tried again."""
        command, key = delivery.command, delivery.record.key
        if not isinstance(came, AgencyError):
            fate = Fate("settled", delivery.attempts, deadline=delivery.deadline, decided=delivery.decided)
            said = self.voice.answered(command, key, came, traceparent)
            return Answered((said, self.voice.changed(command, key, fate, traceparent)))
        if isinstance(came, Refused):
            fate = Fate(
                "refused",
                delivery.attempts,
                deadline=delivery.deadline,
                reason=came.code,
                decided=delivery.decided,
            )
            said = self.voice.refused(command, key, came, traceparent)
            return Answered((said, self.voice.changed(command, key, fate, traceparent)))
        if is_doubtful(came) and not delivery.taken_in and not self._may_resend(delivery.operation):
            raise NeedsPerson(str(came)) from came
        raise came

    def _may_resend(self, operation: Operation) -> bool:
        return self.agency.knows_again(operation) or self.agency.can_look_up(operation)


def _unplanned(mistake: Exception) -> str:
    return f"unplanned: {type(mistake).__name__}"


def _time() -> float:
    return asyncio.get_running_loop().time()


def _judge(slot: Slot, error: AgencyError | None, delivery: Delivery) -> None:
    """Tell the gate whether the organisation is there and in its right mind; what it says is another matter."""
    if error is None or isinstance(error, Refused | NotYet):
        slot.answered()
        return
    pause: timedelta | None = getattr(error, "retry_after", None)
    status = getattr(error, "status", None)
    slot.failed(
        f"{error.result}: {error}",
        pause_s=pause.total_seconds() if pause else None,
        busy=status in _BUSY,
        # No connection says nothing about the command; a bad answer may be about this one alone.
        about=delivery.record.key if status is not None and not isinstance(error, Unavailable) else None,
    )


def _asked_for(state: RetryCallState) -> float:
    """How many seconds the agency asked us to wait before the next try of this command."""
    error = state.outcome.exception() if state.outcome else None
    asked: timedelta | None = getattr(error, "retry_after", None)
    # A pause of the whole organisation is the breaker's business.
    return asked.total_seconds() if asked and isinstance(error, NotYet) else 0.0


def _attempt(
    delivery: Delivery, began: datetime, lasted_s: float, error: AgencyError | None, span_id: str | None
) -> Attempt:
    return Attempt(
        number=len(delivery.attempts) + 1,
        started_at=began,
        duration_ms=int(lasted_s * 1000),
        result=error.result if error else "answered",
        status=_status(error),
        code=getattr(error, "code", None),
        span_id=span_id,
        revision=delivery.revision if delivery.revision > 1 else None,
    )


def _status(error: AgencyError | None) -> int | None:
    status: int | None = getattr(error, "status", None) if error else HTTPStatus.OK
    # Some invent statuses, and HTTP clients hand them on.
    return status if status is not None and status in _STATUSES else None
