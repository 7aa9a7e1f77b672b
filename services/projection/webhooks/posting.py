"""Posting to every subscriber of the file that has an address: begun, ended, paused and begun anew while we run."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from contracts.topics import Topic, to
from observability import logs
from services.projection.register import Register
from services.runtime.breaker import Breaker
from services.runtime.clock import Clock
from services.runtime.consumer import KafkaTrouble
from services.runtime.gate import Gate
from services.runtime.lanes import Lane, Lanes
from services.runtime.looks import Looks
from services.runtime.owner import Fence
from services.runtime.record import Record
from services.runtime.settings import Settings
from services.runtime.store import Store, waited_out

from . import losses, reached, standing
from .endpoint import Endpoint, Orders, Shelf
from .post import Missed, Postman
from .reached import Spans
from .signature import secret_of, shown
from .standing import Standing
from .waiting import Waiting, hasten, queue, summary

LOOK_EVERY_S: Final = 0.5
PAUSED_AFTER: Final = timedelta(days=5)
"""So long may a receiver take nothing: a little longer than the schedule by which a letter is tried."""
OVERLAP: Final = timedelta(days=1)
"""So long does the secret before a new one sign as well, unless somebody says otherwise."""
WATCH_EVERY_S: Final = 600.0
"""So often is it looked for what topics have dropped; they keep it for weeks."""
_AT_ONCE: Final = 8
"""Posts to one receiver at a time."""
_RECORDS: Final = 200
_BYTES: Final = 4 * 1024 * 1024
_QUEUED_AT_ONCE: Final = 500
_ITSELF: Final = "tongche"


class UnknownWebhook(LookupError):
    """The file has no subscriber of this name with an address to post to."""


class StillTwo(Exception):
    """The secret before the last change is still good; a third would end it at once. `until` is when it ends."""

    def __init__(self, until: float) -> None:
        super().__init__(until)
        self.until = until


class Wanted(NamedTuple):
    """To whom what is to be posted, as file and books have it."""

    subscriber: str
    url: str
    topics: frozenset[str]


@dataclass(slots=True)
class Served:
    """An endpoint at work, until it is told to leave."""

    wanted: Wanted
    endpoint: Endpoint
    lanes: Lanes
    leave: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Work. What ends it without being told to ends the process."""
        work = (self.lanes.run, self.endpoint.run, self.endpoint.waiting.fence.renew)
        working = [asyncio.create_task(run()) for run in work]
        leaving = asyncio.create_task(self.leave.wait())
        try:
            done, _ = await asyncio.wait({leaving, *working}, return_when=asyncio.FIRST_COMPLETED)
            if leaving in done:
                await self.lanes.stop()
        finally:
            for task in (leaving, *working):
                task.cancel()
            await asyncio.gather(leaving, *working, return_exceptions=True)
        for task in done.intersection(working):
            task.result()


@dataclass(slots=True)
class Posting:
    """All endpoints, and what operators may do about them."""

    settings: Settings
    store: Store
    clock: Clock
    key_secret: bytes = field(repr=False)
    register: Register
    postman: Postman
    shelf: Shelf
    since: Callable[[Sequence[Topic], datetime], AsyncIterator[Record]]
    """What came to topics since a moment, up to this one."""
    spans: Callable[[Sequence[Topic]], Awaitable[Spans]]
    """What topics hold now. Raises `KafkaTrouble`."""
    slot: str = "0"
    paused_after: timedelta = PAUSED_AFTER
    known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is known how it stood with all of them."""
    _standing: dict[str, Standing] = field(default_factory=dict)
    _serving: dict[str, tuple[Served, asyncio.Task[None]]] = field(default_factory=dict)
    _endpoints: dict[str, Endpoint] = field(default_factory=dict)
    """Of each subscriber the one that was begun last."""
    _looks: Looks = field(default_factory=partial(Looks, LOOK_EVERY_S))

    async def run(self) -> None:
        """Look for as long as the service lives: who is to be posted to is what file, books and operators say."""
        await self.load()
        await self.register.known.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            while True:
                self._looks.begin()
                self._align(group)
                await self._looks.until_next()

    async def load(self) -> None:
        """Take over what is stored."""
        self._standing = await waited_out(lambda: self.store.read(standing.kept))
        self.known.set()

    # -- what is dropped before it is read

    async def _watch(self) -> None:
        while True:
            for one in [one for one in self.wanted() if one.topics]:
                await self.look_for_losses(one)
            await asyncio.sleep(WATCH_EVERY_S)

    async def look_for_losses(self, wanted: Wanted) -> None:
        """Note what a subscriber's topics have dropped unread, whether it is paused or not."""
        name, now = wanted.subscriber, self._now()
        try:
            spans = await self.spans(self._topics(name))
        except KafkaTrouble as trouble:
            logs.get().warning("webhook_not_watched", subscriber=name, error=str(trouble))
            return
        serving = self._serving.get(name)
        read = serving[0].lanes.reached if serving else {}
        act = partial(reached.look, subscriber=name, spans=spans, read=read, now=now)
        lost = await waited_out(lambda: self.store.run(act))
        if lost:
            logs.get().error("webhook_unread_dropped", subscriber=name, count=lost)

    def _topics(self, name: str) -> list[Topic]:
        return [to(name, one.removeprefix(to(name, "").name)) for one in self.register.topics_of(name)]

    # -- who is posted to

    def wanted(self) -> Iterator[Wanted]:
        """Everybody who has an address, also where nobody has been told anything as yet."""
        for name, subscriber in self.register.subscribers.items():
            if subscriber.webhook is not None:
                yield Wanted(name, subscriber.webhook.url, self.register.topics_of(name))

    def _align(self, group: asyncio.TaskGroup) -> None:
        due = {one.subscriber: one for one in self.wanted() if one.topics and not self._is_paused(one.subscriber)}
        for name, (served, task) in list(self._serving.items()):
            if task.done():
                del self._serving[name]
            elif due.get(name) != served.wanted:
                served.leave.set()
        for name in due.keys() - self._serving.keys():
            self._begin(group, due[name])

    def _begin(self, group: asyncio.TaskGroup, wanted: Wanted) -> None:
        served, name = self._served(wanted), wanted.subscriber
        task = group.create_task(served.run(), name=f"webhook {name}")
        task.add_done_callback(lambda _: self._looks.at_once())
        self._serving[name] = (served, task)
        logs.get().info("webhook_begins", subscriber=name, topics=len(wanted.topics))

    def _served(self, wanted: Wanted) -> Served:
        endpoint = self.endpoint(wanted)
        lane = Lane(
            consumer_of(wanted.subscriber),
            tuple(sorted(wanted.topics)),
            self.settings.kafka,
            self.slot,
            # Every lane is at work: the gate limits the posts.
            at_once=_RECORDS,
            records=_RECORDS,
            held_bytes=_BYTES,
            session_s=self.settings.session_s,
        )
        return Served(wanted, endpoint, Lanes(lane, endpoint))

    def endpoint(self, wanted: Wanted) -> Endpoint:
        """The work of somebody's lanes."""
        consumer = consumer_of(wanted.subscriber)
        waiting = Waiting(self.store, Fence(self.store, consumer, self.slot), self.clock)
        gate = Gate(Breaker(consumer), _AT_ONCE)
        begun = Endpoint(self._orders(wanted), waiting, gate, self.postman, self.shelf, self.clock)
        self._endpoints[wanted.subscriber] = begun
        return begun

    def _orders(self, wanted: Wanted) -> Orders:
        name = wanted.subscriber
        return Orders(
            name,
            wanted.url,
            secrets=partial(self._secrets, name),
            is_over=self.register.is_over,
            missed=partial(self._missed, name),
            taken=partial(self._taken, name, _digest(wanted.url)),
            failing_since=lambda: self._of(name).failing_since,
        )

    # -- how it stands

    def _of(self, name: str) -> Standing:
        return self._standing.get(name) or Standing(name)

    def _is_paused(self, name: str) -> bool:
        return self._of(name).paused_at is not None

    def _secrets(self, name: str) -> Sequence[bytes]:
        return [secret_of(self.key_secret, name, number) for number in self._of(name).secrets(self._now())]

    async def _taken(self, name: str, address: str) -> None:
        stands = self._of(name)
        if stands.failing_since is not None or stands.resumed_at is not None or stands.address != address:
            await self._change(name, failing_since=None, failure=None, resumed_at=None, address=address)

    async def _missed(self, name: str, missed: Missed) -> None:
        now, stands = self._now(), self._of(name)
        if stands.failing_since is None or stands.failure != missed.reason:
            begun = stands.failing_since or now
            stands = await self._change(name, failing_since=begun, failure=missed.reason, resumed_at=None)
        lasts_s = now - (stands.failing_since or now)
        if missed.is_gone:
            await self._pause(name, _ITSELF, "对方不再接收 / it wants nothing more (410)")
        elif lasts_s >= self.paused_after.total_seconds():
            await self._pause(name, _ITSELF, f"多日未能送达 / nothing taken for days: {missed.reason}")

    async def _pause(self, name: str, who: str, reason: str) -> None:
        if not self._is_paused(name):
            await self._change(name, paused_at=self._now(), who=who, reason=reason)
            logs.get().warning("webhook_paused", subscriber=name, who=who)
            self._looks.at_once()

    async def _change(self, name: str, **told: Any) -> Standing:
        changed = await waited_out(lambda: self.store.run(partial(standing.change, subscriber=name, **told)))
        self._standing[name] = changed
        return changed

    def _now(self) -> float:
        return self.clock.now().timestamp()

    # -- what operators see and do

    async def all(self) -> list[dict[str, Any]]:
        """Everybody with an address, and how it stands with each. Of an address its host is told and no more."""
        await self.known.wait()
        wanted = list(self.wanted())
        consumers = [consumer_of(one.subscriber) for one in wanted]
        waiting = await self.store.read(partial(summary, consumers=consumers))
        lost = await self.store.read(losses.unseen)
        return [
            self._shown(one) | self._waits(one.subscriber, waiting) | {"lost": lost.get(one.subscriber)}
            for one in wanted
        ]

    async def one(self, name: str) -> dict[str, Any]:
        """The same of one. Raises `UnknownWebhook`."""
        self._demand(name)
        return next(told for told in await self.all() if told["subscriber"] == name)

    def _shown(self, wanted: Wanted) -> dict[str, Any]:
        stands, now = self._of(wanted.subscriber), self._now()
        forbidden = self.postman.rules.forbids(wanted.url)
        told = stands._asdict() | {
            "failure": forbidden or stands.failure,
            "host": urlsplit(wanted.url).hostname,
            "topics": sorted(wanted.topics),
            "state": _state(wanted, stands, forbidden),
            "secrets": len(stands.secrets(now)),
        }
        del told["secret"], told["address"]
        return told

    def _waits(self, name: str, waiting: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """What waits, `again` when it is tried next, what holds all of it; None where nothing is to be waited for."""
        told = waiting[consumer_of(name)]
        if self._is_paused(name):
            return told | {"again": None, "held": None}
        held = self._endpoints[name].held if name in self._endpoints else None
        again = None if told["again"] is None else max(told["again"], held.until if held else self._now())
        is_later = again is not None and again > self._now()
        return told | {"again": again if is_later else None, "held": held._asdict() if held else None}

    async def pause(self, name: str, who: str, reason: str) -> None:
        """Post nothing more until `resume`; what comes waits on Kafka. Raises `UnknownWebhook`."""
        self._demand(name)
        await self._pause(name, who, reason)

    async def resume(self, name: str) -> None:
        """Post again, and at once what waits, whatever pause was asked for. Raises `UnknownWebhook`.

        Only what is taken then shows that it works.
        """
        self._demand(name)
        await waited_out(lambda: self.store.run(hasten(consumer_of(name), self._now())))
        nothing = dict.fromkeys(("paused_at", "who", "reason", "failing_since", "failure"))
        is_well = self._of(name).failing_since is None and not self._is_paused(name)
        await self._change(name, **nothing, **({} if is_well else {"resumed_at": self._now()}))
        if name in self._endpoints:
            self._endpoints[name].resume()
        self._looks.at_once()

    async def acknowledge(self, name: str, who: str, reason: str) -> int:
        """Note that somebody has seen to what was lost; how many letters that were. Raises `UnknownWebhook`."""
        self._demand(name)
        act = partial(losses.acknowledge, subscriber=name, who=who, reason=reason, now=self._now())
        return await waited_out(lambda: self.store.run(act))

    def secret(self, name: str) -> str:
        """The one that signs now, as its subscriber is to be given it. Raises `UnknownWebhook`."""
        self._demand(name)
        return shown(secret_of(self.key_secret, name, self._of(name).secret))

    async def rotate(self, name: str, overlap: timedelta = OVERLAP) -> str:
        """Sign with a new secret from now on, and for a while with the one before it as well; gives back the new.

        Its subscriber may hold either while two sign: only without any overlap may a third take their place, at once.
        Raises `UnknownWebhook`, `StillTwo`.
        """
        self._demand(name)
        now, stands = self._now(), self._of(name)
        if overlap and stands.old_until is not None and len(stands.secrets(now)) > 1:
            raise StillTwo(stands.old_until)
        await self._change(name, secret=stands.secret + 1, old_until=now + overlap.total_seconds())
        logs.get().info("webhook_secret_rotated", subscriber=name)
        return self.secret(name)

    async def replay(self, name: str, since: datetime) -> int:
        """Have all wait, to be posted again, that came to its topics since then; how many. Raises `UnknownWebhook`.

        In the order of each vehicle: what comes of it meanwhile stands behind.
        """
        self._demand(name)
        consumer, queued = consumer_of(name), 0
        async for some in _by_many(self.since(self._topics(name), since)):
            act = queue(consumer, some, self._now())
            queued += await waited_out(partial(self.store.run, act))
        logs.get().info("webhook_replayed", subscriber=name, count=queued)
        return queued

    def _demand(self, name: str) -> None:
        if all(one.subscriber != name for one in self.wanted()):
            raise UnknownWebhook(name)


def consumer_of(subscriber: str) -> str:
    """The group in which its topics are read for it, and under which what waits for it stands."""
    return f"webhook.{subscriber}"


def _state(wanted: Wanted, stands: Standing, forbidden: str | None) -> str:
    if stands.paused_at is not None:
        return "paused"
    if forbidden is not None:
        return "forbidden"
    if not wanted.topics:
        return "nothing-yet"
    if stands.failing_since is not None:
        return "failing"
    if stands.address != _digest(wanted.url):
        return "never-posted"
    return "working" if stands.resumed_at is None else "resumed"


def _digest(url: str) -> str:
    """What is kept of an address: its path may be a secret of the subscriber's."""
    return hashlib.sha256(url.encode()).hexdigest()


async def _by_many(records: AsyncIterator[Record]) -> AsyncIterator[list[Record]]:
    """So many at once as one transaction takes; no more are held in memory."""
    some: list[Record] = []
    async for record in records:
        some.append(record)
        if len(some) == _QUEUED_AT_ONCE:
            yield some
            some = []
    yield some
