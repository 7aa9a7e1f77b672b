"""One subscriber's letters: posted as they come, each vehicle's in their order; what is not taken waits, alone.

A letter that is not taken is put aside with all that comes of its vehicle after it, and tried again as Standard
Webhooks proposes, and then every day, for as long as its topic keeps it; one that is dropped there before it was taken
is noted for people (`losses`). While nothing is taken at all its breaker is open: what comes waits on Kafka, and one
letter now and then finds out whether that has changed.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from contracts.envelope import Undecodable
from observability import logs, metrics, tracing
from services.runtime.breaker import State
from services.runtime.clock import Clock
from services.runtime.consumer import KafkaTrouble
from services.runtime.gate import Gate, Slot
from services.runtime.looks import Looks
from services.runtime.parking import Parked
from services.runtime.poison import note
from services.runtime.record import Place, Record
from services.runtime.work import Forgetful, Gone

from .letter import MEDIA_TYPE, Letter, letter
from .post import Missed, Postman
from .signature import signed
from .waiting import Waiting

WAITS_S: Final = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""After the first try, the second and so on: the schedule that Standard Webhooks gives; the last one repeats."""
_JITTER: Final = 0.1
_AGENT: Final = "Tongche-Webhooks/1"
_LOOK_S: Final = 1.0
_HEADS: Final = 50
_PAUSE_PART: Final = 0.1
_LONGEST_PAUSE_S: Final = 1_800.0
"""Who takes nothing is asked again after a tenth of the time for which that lasts, and after half an hour at most."""
_ASKED: Final = "Retry-After"
"""Stands behind the word for an answer that asked for the pause itself."""


class Shelf(Protocol):
    """Where records can be had again."""

    async def again(self, topic: str, partition: int, offset: int) -> Record | None:
        """The record that stands there; None where it is kept no more. Raises `KafkaTrouble`."""


class Held(NamedTuple):
    """Nothing is posted until then, in seconds since 1970; `why` is the word of a `Missed`, and who asked for it."""

    until: float
    why: str


@dataclass(frozen=True, slots=True)
class Orders:
    """What an endpoint is told from outside, and whom it tells. Moments are seconds since 1970."""

    subscriber: str
    url: str
    secrets: Callable[[], Sequence[bytes]]
    """What to sign with at this moment."""
    is_over: Callable[[str], bool]
    """Whether nothing may be told any more under a grant."""
    missed: Callable[[Missed], Awaitable[None]]
    taken: Callable[[], Awaitable[None]]
    failing_since: Callable[[], float | None]


@dataclass(slots=True)
class Endpoint(Forgetful):
    """The `Work` of one subscriber's lanes."""

    orders: Orders
    waiting: Waiting
    gate: Gate
    postman: Postman
    shelf: Shelf
    clock: Clock
    waits_s: Sequence[float] = WAITS_S
    mine: set[Place] = field(default_factory=set)
    _trying: dict[tuple[Place, str], asyncio.Task[None]] = field(default_factory=dict)
    _looks: Looks = field(default_factory=partial(Looks, _LOOK_S))

    # -- as they come

    async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        """Take the fence."""
        taken = await self.waiting.fence.take(partitions, generation)
        self.mine.update(taken)
        self.look()
        return taken

    async def handle(self, record: Record, known: Any | None) -> None:
        """Post it, or have it wait. Raises `Gone` when its partition goes."""
        del known
        if await self.waiting.behind(record):
            return
        missed = await self._posted(record)
        if missed is not None:
            await self.waiting.put(record, missed.reason, self._wait_s(1, missed))
            self.look()

    def leaving(self, partitions: Collection[Place]) -> None:
        """Let those go who wait for the receiver to come back."""
        self.mine.difference_update(partitions)
        self.gate.look()

    async def revoked(self, partitions: Collection[Place]) -> None:
        """Stop trying what waits."""
        trying = [task for (place, _), task in self._trying.items() if place in partitions]
        for task in trying:
            task.cancel()
        await asyncio.gather(*trying, return_exceptions=True)
        self.waiting.fence.drop(partitions)

    def waits(self) -> bool:
        """A receiver or a store that is away would keep a new process waiting as well."""
        return self.gate.breaker.state is not State.CLOSED or not self.waiting.store.available

    # -- what people see and do

    @property
    def held(self) -> Held | None:
        """Until when nothing is posted; None where something may be."""
        breaker = self.gate.breaker
        wait_s = breaker.due_at - breaker.now()
        if breaker.own is not State.OPEN or wait_s <= 0:
            return None
        return Held(self.clock.now().timestamp() + wait_s, breaker.own_reason or "")

    def resume(self) -> None:
        """Have one letter find out now whether anything is taken, whatever pause holds."""
        breaker = self.gate.breaker
        if breaker.own is State.OPEN:
            breaker.adopt(State.OPEN, breaker.own_reason, breaker.now())
        self.gate.look()
        self.look()

    # -- what waits

    def look(self) -> None:
        """Have a look at once at what waits."""
        self._looks.at_once()

    async def run(self) -> None:
        """Post what waits when it is due, for as long as the endpoint lives."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._looks.begin()
                for row in await self._due():
                    self._begin(tasks, row)
                await self._looks.until_next()

    async def _due(self) -> list[Parked]:
        return await self.waiting.due(frozenset(self.mine), _HEADS) if self.mine else []

    def _begin(self, tasks: asyncio.TaskGroup, row: Parked) -> None:
        lane = (row.record.place, row.record.key)
        if lane in self._trying or row.record.place not in self.mine:
            return
        self._trying[lane] = task = tasks.create_task(self._head(row))
        task.add_done_callback(partial(self._tried, lane))

    def _tried(self, lane: tuple[Place, str], _: asyncio.Task[None]) -> None:
        self._trying.pop(lane, None)
        if len(self._trying) < _HEADS // 2:
            self._looks.at_once()

    async def _head(self, row: Parked) -> None:
        try:
            await self._try(row)
        except Gone:
            self.leaving([row.record.place])
        except KafkaTrouble as trouble:
            logs.get().warning("letter_not_at_hand", place=row.record.spot, error=str(trouble))
            await asyncio.sleep(_LOOK_S)

    async def _try(self, row: Parked) -> None:
        record = await self.shelf.again(row.record.topic, row.record.partition, row.record.offset)
        if record is None:
            # It waited for longer than anybody's reader may be away.
            metrics.count("tongche_webhooks_total", result="expired")
            logs.get().error("letter_expired", place=row.record.spot, subscriber=self.orders.subscriber)
            await self.waiting.lost(row, self.orders.subscriber)
            return
        missed = await self._posted(record)
        if missed is None:
            await self.waiting.forget(row)
        else:
            await self.waiting.put_again(row, missed.reason, self._wait_s(row.tries + 1, missed))

    def _wait_s(self, tries: int, missed: Missed) -> float:
        """With some jitter: those that failed together should not come again together."""
        planned = self.waits_s[min(tries, len(self.waits_s)) - 1]
        return max(missed.pause_s or 0.0, planned * random.uniform(1.0, 1.0 + _JITTER))  # noqa: S311 - no secret

    # -- one post

    async def _posted(self, record: Record) -> Missed | None:
        """Post it when its turn has come; None where it was taken, or is not to be told any more."""
        try:
            told = letter(record)
        except Undecodable as wrong:
            await note(record, wrong.reason)
            return None
        fence, place = self.waiting.fence, record.place
        while True:
            if not fence.fresh(place):
                await fence.leased(place)
            async with self.gate.slot(lambda: Gone() if place not in self.mine else None, math.inf) as slot:
                # The lease may have lapsed while it waited here: then it waits for that outside, with no slot taken.
                if fence.fresh(place):
                    return await self._in_turn(told, slot, record)

    async def _in_turn(self, told: Letter, slot: Slot, record: Record) -> Missed | None:
        # Asked here and not before: it may have waited for days.
        if told.grant is not None and self.orders.is_over(told.grant):
            metrics.count("tongche_webhooks_total", result="over")
            return None
        with tracing.span(
            f"process {record.topic}",
            kind="consumer",
            parent=told.traceparent,
            case_id=told.subject,
            attributes={"messaging.destination.name": record.topic},
        ) as span:
            missed = await self.postman.post(self.orders.url, self._headers(told, span.traceparent), told.body)
            if missed is not None:
                span.fail(missed.reason)
        await self._judge(slot, missed, record.key)
        return missed

    def _headers(self, told: Letter, traceparent: str) -> dict[str, str]:
        at = int(self.clock.now().timestamp())
        own = {"Content-Type": MEDIA_TYPE, "User-Agent": _AGENT, "traceparent": traceparent}
        return own | dict(signed(self.orders.secrets(), told.id, at, told.body))

    async def _judge(self, slot: Slot, missed: Missed | None, key: str) -> None:
        if missed is None:
            slot.answered()
            metrics.count("tongche_webhooks_total", result="taken")
            await self.orders.taken()
            return
        metrics.count("tongche_webhooks_total", result="missed")
        await self.orders.missed(missed)
        pause_s = self._pause_s() if missed.pause_s is None and not missed.may_lie_in_it else missed.pause_s
        if missed.may_lie_in_it:
            slot.failed(missed.reason, about=key)
        else:
            reason = missed.reason if missed.pause_s is None else f"{missed.reason} {_ASKED}"
            slot.failed(reason, pause_s=pause_s, busy=missed.is_busy)

    def _pause_s(self) -> float | None:
        """How long to leave a receiver alone that has taken nothing for a while; None where that is but moments."""
        since = self.orders.failing_since()
        lasts_s = 0.0 if since is None else self.clock.now().timestamp() - since
        return min(lasts_s * _PAUSE_PART, _LONGEST_PAUSE_S) or None
