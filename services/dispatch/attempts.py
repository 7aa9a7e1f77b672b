"""Trying one delivery: waiting for its turn at the gate, asking, and again for a few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter

from adapters.errors import AgencyError, Ambiguous, BrokenAnswer, NotYet, TakenIn, Unavailable
from contracts.contract import Contract
from contracts.topics import COMMAND_PARTITIONS
from observability import logs
from services.runtime.breaker import State
from services.runtime.clock import Clock
from services.runtime.gate import Gate, Late, Slot
from services.runtime.record import Place
from services.runtime.turns import Turns
from services.runtime.work import Gone, Stuck

from .asking import Asking, cut_off, unplanned
from .book import Book
from .calls import Agency
from .delivery import FAILURES, Answered, Delivery, Failed, NeedsPerson, Overtaken, is_doubtful
from .doubts import Doubts
from .hearing import Hearing
from .voice import Voice

PARK_FOR_S: Final = (30.0, 120.0, 600.0, 1800.0, 3600.0)
"""How long a parked head waits before each next try; the last one repeats."""
_RARER: Final = 16
_FETCHED_AGAIN_S: Final = 60.0
"""What was taken in is asked for at least so often while it is parked."""
_AGAIN: Final = (Unavailable, NotYet, Ambiguous, BrokenAnswer)

Act = Callable[[Delivery, Slot], Awaitable[Answered | None]]
"""What is done within a slot; None if it led to nothing and the delivery must begin anew."""


class _Brought(Exception):
    """Its answer is here: it need not wait for its turn to ask."""


@dataclass(slots=True)
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
    doubts: Doubts = field(init=False)
    asking: Asking = field(init=False)
    hearing: Hearing = field(init=False)

    def __post_init__(self) -> None:
        self.hearing = Hearing(self.agency)
        self.doubts = Doubts(self.agency, self.clock)
        self.asking = Asking(self.doubts, self.voice)

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
        except Exception as mistake:  # noqa: BLE001 - a mistake about one command must not stop all the others
            place = logs.place_of(mistake)
            logs.get().error("unplanned", where=place, command=delivery.name, case_id=delivery.case)
            reason = unplanned(mistake)
            again = self.doubts.bear_resending(delivery.operation)
            return self._failed(delivery, BrokenAnswer(reason) if again else NeedsPerson(reason), tries)

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
            delivery.attempts.append(cut_off(delivery, self.clock.now()))

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

    async def listen(self) -> None:
        """Let those go who wait at the gate though their answer has been brought to our own door meanwhile."""
        if await self.hearing.look():
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
            if _failed_with(state, TakenIn) and self.gate.breaker.state is not State.CLOSED:
                # While it is away that clock stands, and nothing comes soon.
                return True
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

        What was taken in is not tried again: its answer is asked for, or waited for where it is only called back.
        """
        while True:
            heard = await self._heard(delivery)
            if heard is not None:
                return heard
            later = delivery.operation.later
            if delivery.taken_in and later is not None and later.endpoint is None:
                if self._now() >= delivery.deadline:
                    raise Late
                raise TakenIn(later.every)
            try:
                answered = await self._asked(delivery)
            except _Brought:
                continue
            if answered is not None:
                return answered

    async def _heard(self, delivery: Delivery) -> Answered | None:
        """What was brought to our own door comes to; None if nothing was, or nothing that decides."""
        came: Contract | AgencyError | None = None
        while came is None:
            brought = await self.hearing.find(delivery)
            if brought is None:
                return None
            await self.take_up(delivery)
            came = await self.hearing.take(delivery, brought)

        async def answer(_: Delivery, __: str) -> Contract:
            if isinstance(came, Contract):
                return came
            raise came

        return await self.asking.once(delivery, None, answer)

    async def _asked(self, delivery: Delivery) -> Answered | None:
        """Find out first where there is a doubt, then call; None where all of it must begin anew."""
        if delivery.taken_in or self.doubts.about(delivery):
            found = await self._in_turn(delivery, self._fetched if delivery.taken_in else self._looked_up)
            if found is not None:
                return found
        return await self._in_turn(delivery, self._called)

    async def _in_turn(self, delivery: Delivery, act: Act) -> Answered | None:
        place = delivery.record.place
        while True:
            if not self.book.fence.fresh(place):
                await self.book.fence.leased(place)
            await self._put_down(delivery)
            with self.hearing.waiting(delivery):
                async with self.gate.slot(partial(self._why_leave, delivery), delivery.deadline - self._now()) as slot:
                    delivery.held_s += slot.waited_s
                    await self.take_up(delivery)
                    # The lease may have lapsed while it waited: then it waits for that outside, with no slot taken.
                    if self.book.fence.fresh(place):
                        return await act(delivery, slot)

    def _why_leave(self, delivery: Delivery) -> Exception | None:
        if delivery.record.place not in self.mine:
            return Gone()
        return _Brought() if self.hearing.is_here(delivery) else None

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
        return await self.asking.once(delivery, slot, self.doubts.look_up)

    async def _fetched(self, delivery: Delivery, slot: Slot) -> Answered | None:
        """Ask for the answer to what was taken in."""
        return await self.asking.once(delivery, slot, self.doubts.fetch)

    async def _called(self, delivery: Delivery, slot: Slot) -> Answered | None:
        """Call; None if it must not be called yet."""
        if not await self._may_call(delivery):
            return None
        try:
            return await self.asking.once(delivery, slot, self._do_it)
        except AgencyError as error:
            # The note is taken back where it is certain that nothing happened; otherwise the outcome does it.
            nothing_happened = not is_doubtful(error) and not delivery.taken_in
            if delivery.begun and nothing_happened and not self.doubts.about(delivery):
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
                if not self.agency.can_look_up(delivery.operation):
                    reason = "a call was cut off"
                    raise NeedsPerson(reason)
                return False
        return self.book.fence.fresh(delivery.record.place)

    async def _do_it(self, delivery: Delivery, traceparent: str) -> Contract | None:
        return await self.agency.ask(delivery.operation, delivery.command, delivery.key, traceparent)


def _time() -> float:
    return asyncio.get_running_loop().time()


def _failed_with(state: RetryCallState, kind: type[AgencyError]) -> bool:
    return state.outcome is not None and isinstance(state.outcome.exception(), kind)


def _asked_for(state: RetryCallState) -> float:
    """How many seconds the agency asked us to wait before the next try of this command."""
    error = state.outcome.exception() if state.outcome else None
    asked: timedelta | None = getattr(error, "retry_after", None)
    # A pause of the whole organisation is the breaker's business.
    return asked.total_seconds() if asked and isinstance(error, NotYet) else 0.0
