"""Which grants are in force: by the operator's file, by the clock, and by what operators have revoked.

One look puts all three together, twice a second and whenever somebody acts. A grant that is over gets no message from
the moment at which it is; when the last that was on its way has arrived, its subscriber is told, once, and nothing of
it comes after that. What is told is stored first, so that a crash in between changes nothing. Nothing that a look must
wait for, the store or Kafka, holds up the next one: what is over stops then as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, NamedTuple, cast

from contracts.subscription import WhyEnded
from contracts.topics import Topic, to
from contracts.views.plan import Denial, NotEntitled
from contracts.views.subscriber import Grant, Subscriber, Subscribers
from observability import logs, metrics
from services.runtime.clock import Clock
from services.runtime.store import Store, StoreUnavailable, waited_out
from services.runtime.subscribers import SubscribersFile
from services.runtime.topics import TopicsRefused

from . import books, voice
from .books import Known
from .streams import Flight, Stream, stream_of

State = Literal["in-force", "not-yet", "no-topic", "ending", "lapsed", "revoked", "removed", "refused"]
Provide = Callable[[Sequence[Topic]], Awaitable[None]]
LOOK_EVERY_S: Final = 0.5
STEADY_S: Final = 10.0
"""So long must the file stand unchanged before a grant ends because of it: an end is for good, and a save that goes
wrong is mended within moments. Until then a grant goes on as it was (`ending`); to stop it at once is to revoke it."""


class UnknownGrant(LookupError):
    """Neither the file nor our books know a grant of this name."""


class AlreadyOver(Exception):
    """The grant has ended, or was revoked before."""


class Judged(NamedTuple):
    """One grant of the file: its stream, or what stands against it."""

    subscriber: Subscriber
    grant: Grant
    stream: Stream | None
    denials: tuple[Denial, ...]


@dataclass(slots=True)
class Register:
    """All grants and how they stand."""

    file: SubscribersFile
    store: Store
    clock: Clock
    key_secret: bytes
    provide: Provide
    """Makes the topics that are missing, before anything is to be sent to them."""
    known: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the first look is over: before that nobody could say whose a message is."""
    _kept: dict[str, Known] = field(default_factory=dict)
    _judged: dict[str, Judged] = field(default_factory=dict)
    _of: Subscribers | None = None
    _running: dict[str, Stream] = field(default_factory=dict)
    _on: dict[tuple[str, str], tuple[Stream, ...]] = field(default_factory=dict)
    _flights: dict[str, Flight] = field(default_factory=dict)
    _topics: set[str] = field(default_factory=set)
    _without: dict[str, str] = field(default_factory=dict)
    """Of grants whose topics Kafka would not make: its word."""
    _providing: asyncio.Task[None] | None = None
    _steady_since: float = 0.0
    _ending: set[str] = field(default_factory=set)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Look for as long as the service lives."""
        self._kept = {one.id: one for one in await waited_out(lambda: self.store.read(books.kept))}
        while True:
            await self.look()
            if not self._undecided():
                self.known.set()
            await asyncio.sleep(LOOK_EVERY_S)

    def on(self, topic: str, contract: str) -> tuple[Stream, ...]:
        """The streams that are fed by a contract on a topic."""
        return self._on.get((topic, contract), ())

    async def look(self) -> None:
        """Bring what runs into line with what is in force now."""
        await self._align()
        if await self._provided():
            await self._align()

    async def _align(self) -> None:
        states = self._follow()
        try:
            async with self._lock:
                await self._settle(states)
        except StoreUnavailable as away:
            logs.get().warning("store_unavailable", error=str(away))

    def _follow(self) -> Mapping[str, State]:
        """Drop what is over, and run what can be run; nothing is waited for."""
        now = self.clock.now().timestamp()
        self._judge(self.file.now(), now)
        states = {id_: self._state(id_, now) for id_ in {*self._judged, *self._kept, *self._running}}
        for id_ in [id_ for id_ in self._running if states[id_] not in _ALIVE]:
            self._drop(id_)
        for id_, stream in self._wanted(states):
            self._drop(id_)  # what it showed so far may be more than it may show now
            if self._has_topics(stream):
                self._run(id_, stream)
        self._index()
        self._warn(states)
        return states

    async def _settle(self, states: Mapping[str, State]) -> None:
        """Store what has begun and what has ended. Raises `StoreUnavailable`; the next look does the rest."""
        for id_ in [id_ for id_ in self._running if states[id_] == "in-force"]:
            await self._open(id_)
        for kept in [kept for kept in self._kept.values() if kept.is_open and states.get(kept.id) in _OVER]:
            await self._end(kept, cast("WhyEnded", states[kept.id]))

    def _undecided(self) -> bool:
        """Whether there is a grant that may be in force, and whose messages nobody would notice as yet."""
        now = self.clock.now().timestamp()
        states = {id_: self._state(id_, now) for id_ in {*self._judged, *self._kept}}
        return any(states[id_] in _ALIVE - {"no-topic"} and id_ not in self._running for id_ in states)

    async def revoke(self, id_: str, who: str, reason: str) -> None:
        """Take a grant back for good; when this returns nothing more of it is begun. Raises `UnknownGrant`.

        Raises `AlreadyOver` where it is.
        """
        async with self._lock:
            now = self.clock.now().timestamp()
            runs = id_ in self._running and self._state(id_, now) == "in-force"
            found = self._begun(id_, now) if runs else self._kept.get(id_) or self._fresh(id_)
            if found.revoked_at is not None or found.ended_at is not None:
                raise AlreadyOver(id_)
            revoked = found._replace(revoked_at=now, who=who, reason=reason)
            # A grant that never began has nobody to be told of its end.
            revoked = revoked if found.opened_at is not None else revoked._replace(ended_at=now, why="revoked")
            await self.store.run(partial(books.revoke, kept=revoked))
            self._kept[id_] = revoked
            self._drop(id_)
            self._index()
        logs.get().info("grant_revoked", grant=id_)
        await self.look()

    def all(self) -> list[tuple[Judged | None, Known | None, State]]:
        """Every grant of the file, and those of our books that are not in it any more."""
        now = self.clock.now().timestamp()
        names = [*self._judged, *(id_ for id_ in self._kept if id_ not in self._judged)]
        return [(self._judged.get(id_), self._kept.get(id_), self._state(id_, now)) for id_ in names]

    @property
    def subscribers(self) -> Mapping[str, Subscriber]:
        """Everybody whom the file has, by name."""
        return {one.name: one for one in self._of.subscribers} if self._of is not None else {}

    def topics_of(self, subscriber: str) -> frozenset[str]:
        """Where a subscriber has been told anything: under grants in force, and under those that are over."""
        told = [kept.topics for kept in self._kept.values() if kept.subscriber == subscriber]
        return frozenset(topic for topics in told for topic in topics)

    def is_over(self, id_: str) -> bool:
        """Whether nothing more may be shown under a grant."""
        return self._state(id_, self.clock.now().timestamp()) in _OVER

    def is_spent(self, id_: str) -> bool:
        """Whether the file means to give what has ended: that does not come back, its id is used up."""
        kept, judged = self._kept.get(id_), self._judged.get(id_)
        if kept is None or kept.ended_at is None or kept.revoked_at is not None or judged is None:
            return False
        return judged.stream is not None and _by_the_clock(judged.stream, self.clock.now().timestamp()) in _ALIVE

    # -- judging

    def _judge(self, file: Subscribers, now: float) -> None:
        if file is not self._of or not self.file.is_settled or now < self._steady_since:
            self._steady_since = now
        if file is self._of:
            return
        before, self._judged = self._judged, {}
        for subscriber, grant in file.grants():
            old = before.get(grant.id)
            if old is not None and (old.subscriber, old.grant) == (subscriber, grant):
                self._judged[grant.id] = old
                continue
            self._judged[grant.id] = self._judgement(subscriber, grant)
            if self.is_spent(grant.id):
                logs.get().warning("grant_spent", grant=grant.id, advice="it has ended: a new grant needs a new id")
        self._of = file

    def _judgement(self, subscriber: Subscriber, grant: Grant) -> Judged:
        flight = self._flights.setdefault(grant.id, Flight())
        try:
            stream = stream_of(subscriber, grant, self.key_secret, flight)
        except NotEntitled as no:
            faults = [f"{denial.field}: {denial.why}" for denial in no.denials]
            logs.get().warning("grant_refused", code="A403", grant=grant.id, faults=faults)
            metrics.count("tongche_grants_refused_total")
            return Judged(subscriber, grant, None, no.denials)
        return Judged(subscriber, grant, stream, ())

    def _state(self, id_: str, now: float) -> State:
        kept, judged = self._kept.get(id_), self._judged.get(id_)
        if kept is not None and kept.ended_at is not None:
            return cast("State", kept.why)
        if kept is not None and kept.revoked_at is not None:
            return "revoked"
        gone = judged is None or (kept is not None and _moved(kept, judged))
        if judged is None or gone or judged.stream is None:
            is_fresh = now - self._steady_since < STEADY_S
            over: State = "removed" if gone else "refused"
            return "ending" if is_fresh and kept is not None and kept.is_open else over
        state = _by_the_clock(judged.stream, now)
        return "no-topic" if id_ in self._without and state in _ALIVE else state

    def _fresh(self, id_: str) -> Known:
        judged = self._judged.get(id_)
        if judged is None:
            raise UnknownGrant(id_)
        return Known(id_, judged.subscriber.name, judged.grant.contract, ())

    def _warn(self, states: Mapping[str, State]) -> None:
        """Say what is about to end while it can still be helped."""
        ending = {id_ for id_, state in states.items() if state == "ending"}
        if new := ending - self._ending:
            logs.get().warning("grants_about_to_end", grants=sorted(new), in_s=STEADY_S)
        self._ending = ending

    # -- running

    def _wanted(self, states: Mapping[str, State]) -> list[tuple[str, Stream]]:
        """What is to run and does not, or on other terms; also ahead of its time, so that it misses nothing of it."""
        found = [(id_, self._judged[id_].stream) for id_, state in states.items() if state in _RUN]
        return [(id_, stream) for id_, stream in found if stream is not None and self._running.get(id_) is not stream]

    def _run(self, id_: str, stream: Stream) -> None:
        self._running[id_] = stream
        self._without.pop(id_, None)

    def _drop(self, id_: str) -> None:
        """From here on nothing more of it is recorded or sent; whoever is at work on it sees that."""
        if dropped := self._running.pop(id_, None):
            dropped.is_dropped = True

    def _has_topics(self, stream: Stream) -> bool:
        return self._topics.issuperset(stream.topics.values())

    async def _provided(self) -> bool:
        """Have the missing topics made; whether any was by now. Kafka may take as long as it likes."""
        now = self.clock.now().timestamp()
        wanted = self._wanted({id_: self._state(id_, now) for id_ in self._judged})
        if self._providing is None and wanted:
            self._providing = asyncio.create_task(self._provide(wanted))
        if self._providing is None:
            return False
        done, _ = await asyncio.wait({self._providing}, timeout=LOOK_EVERY_S)
        if not done:
            return False
        providing, self._providing = self._providing, None
        providing.result()
        return True

    async def _provide(self, wanted: Iterable[tuple[str, Stream]]) -> None:
        """One grant after another: what is refused to one is no matter of the others."""
        for id_, stream in wanted:
            topics = [one for one in _topics_of(stream) if one.name not in self._topics]
            try:
                await self.provide(topics)
            except TopicsRefused as wrong:
                if self._without.get(id_) != str(wrong):
                    logs.get().error("topics_refused", error=str(wrong), grant=id_)
                self._without[id_] = str(wrong)
            else:
                self._topics.update(one.name for one in topics)

    def _index(self) -> None:
        found: dict[tuple[str, str], list[Stream]] = {}
        for stream in self._running.values():
            for topic in stream.topics:
                found.setdefault((topic, stream.view.versions.name), []).append(stream)
        self._on = {place: tuple(streams) for place, streams in found.items()}

    # -- beginning

    def _begun(self, id_: str, now: float) -> Known:
        """What is kept of one that runs."""
        known = self._kept.get(id_) or self._fresh(id_)
        stream = self._running.get(id_)
        topics = tuple(stream.topics.values()) if stream is not None else known.topics
        return known._replace(opened_at=known.opened_at or now, topics=topics)

    async def _open(self, id_: str) -> None:
        """Store that it runs, and where."""
        opened = self._begun(id_, self.clock.now().timestamp())
        if opened == self._kept.get(id_):
            return
        await self.store.run(partial(books.begin, kept=opened))
        self._kept[id_] = opened
        logs.get().info("grant_in_force", grant=id_, subscriber=opened.subscriber, contract=opened.contract)

    # -- ending

    async def _end(self, kept: Known, why: WhyEnded) -> None:
        """Tell the subscriber, once nothing of it is on its way any more; until then the next look tries again."""
        if self._flights.setdefault(kept.id, Flight()).messages:
            return
        over = voice.Over(kept.subscriber, kept.id, kept.contract, why, self.clock.now())
        await self.store.run(partial(books.end, over=over, on=kept.topics))
        self._kept[kept.id] = kept._replace(ended_at=over.at.timestamp(), why=why)
        metrics.count("tongche_grants_ended_total", state=why)
        logs.get().info("grant_ended", grant=kept.id, subscriber=kept.subscriber, why=why)


_RUN: Final[frozenset[State]] = frozenset({"in-force", "not-yet", "no-topic"})
_ALIVE: Final[frozenset[State]] = _RUN | {"ending"}
_OVER: Final[frozenset[State]] = frozenset({"lapsed", "revoked", "removed", "refused"})


def _moved(kept: Known, judged: Judged) -> bool:
    """Whether the file now means another subscriber or contract by a name that stood for something else."""
    return (kept.subscriber, kept.contract) != (judged.subscriber.name, judged.grant.contract)


def _by_the_clock(stream: Stream, now: float) -> State:
    if now >= stream.until:
        return "lapsed"
    return "in-force" if now >= stream.since else "not-yet"


def _topics_of(stream: Stream) -> Sequence[Topic]:
    return [to(stream.view.subscriber.name, topic) for topic in stream.topics]
