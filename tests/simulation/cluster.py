"""A Kafka in a simulated world: partitions, groups of static members with generations, and producers in doubt.

What is like the real one: a group's members are told of a change at their next heartbeat, drain, and join again; who
does not join in time is left out; who takes a slot over gets its partitions at once, and the former one learns of it
at its next heartbeat and takes the slot back, as aiokafka does; a fetch asks nobody whether the group still agrees;
a commit of an old generation is refused; a commit or a send may be done without anybody hearing of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final
from zlib import crc32

from services.runtime.consumer import KafkaTrouble, Member
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Place, Record
from services.runtime.work import Lane
from tests.simulation.world import Process, World

_HEARTBEAT_S: Final = 1.0
_POLL_S: Final = 1.0


@dataclass(slots=True, eq=False, repr=False)
class Group:
    """What the coordinator knows of one group."""

    topics: tuple[str, ...]
    rebalance_s: float
    session_s: float
    generation: int = 0
    committed: dict[Place, int] = field(default_factory=dict)
    members: dict[str, SimulatedConsumer] = field(default_factory=dict)
    """Who holds each slot."""
    joined: set[str] = field(default_factory=set)
    assignment: dict[str, list[Place]] = field(default_factory=dict)
    stable: bool = True
    round: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Cluster:
    """All topics and groups. `away` while no broker answers."""

    world: World
    partitions: int = 2
    away: bool = False
    trouble: float = 0.0
    """How often something asked of it fails, or is done and fails to say so."""
    log: dict[Place, list[Record]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    on_commit: Callable[[str, Place, int], None] = lambda *_: None
    on_append: Callable[[Record], None] = lambda _: None

    async def back(self) -> None:
        """Wait until a broker answers, asking now and then as clients do."""
        while self.away:  # noqa: ASYNC110 - who comes back tells nobody
            await asyncio.sleep(_POLL_S)

    # -- records

    def places(self, topics: Collection[str]) -> list[Place]:
        """All partitions of some topics."""
        return [Place(topic, number) for topic in sorted(topics) for number in range(self.partitions)]

    def place(self, topic: str, key: str) -> Place:
        """Where a key stands."""
        return Place(topic, crc32(key.encode()) % self.partitions)

    def append(self, message: Outgoing) -> Record:
        """Have a message at the end of its key's partition."""
        place = self.place(message.topic, message.key)
        log = self.log.setdefault(place, [])
        record = Record(*place, len(log), message.key, message.headers, message.value)
        log.append(record)
        for group in self.groups.values():
            for member in group.members.values():
                member.hear_of_more(place)
        self.on_append(record)
        return record

    def of(self, topic: str) -> list[Record]:
        """Everything that was ever said on a topic."""
        return [record for place in self.places([topic]) for record in self.log.get(place, ())]

    def end(self, place: Place) -> int:
        """The offset that comes next."""
        return len(self.log.get(place, ()))

    def backlog(self, name: str) -> int:
        """How many records a group has not committed."""
        group = self.groups[name]
        return sum(self.end(place) - group.committed.get(place, 0) for place in self.places(group.topics))

    # -- groups

    def join(self, consumer: SimulatedConsumer) -> None:
        """A member wants its partitions: takes its slot over, or waits for the next sharing out."""
        lane = consumer.lane
        group = self.groups.setdefault(lane.group, Group(lane.topics, lane.drain_s * 2, lane.session_s))
        before = group.members.get(lane.slot)
        known = before is not None
        if before is not None and before is not consumer:
            before.turned_away()
        group.members[lane.slot] = consumer
        consumer.fenced = False
        consumer.watch()
        if known and group.stable and before is not consumer:
            consumer.given(group.assignment.get(lane.slot, []), group.generation)
            return
        group.joined.add(lane.slot)
        if group.stable:
            self._unsettle(group)
        self._settle(group)

    def leave_behind(self, consumer: SimulatedConsumer) -> None:
        """Nothing was heard of a member for a session: the others share its partitions."""
        group = self.groups[consumer.lane.group]
        if group.members.get(consumer.lane.slot) is consumer:
            del group.members[consumer.lane.slot]
            group.joined.discard(consumer.lane.slot)
            consumer.turned_away()
            if group.stable:
                self._unsettle(group)
            self._settle(group)

    def _unsettle(self, group: Group) -> None:
        group.stable = False
        group.round += 1
        number = group.round
        self.world.after(group.rebalance_s, lambda: self._settle(group, number))

    def _settle(self, group: Group, overdue: int | None = None) -> None:
        """Share the partitions out once all have joined, or the time for it is over."""
        if group.stable or (overdue is not None and overdue != group.round):
            return
        if overdue is not None:
            for slot in [slot for slot in group.members if slot not in group.joined]:
                group.members.pop(slot).turned_away()
        if not group.members or group.joined != set(group.members):
            if not group.members:
                group.stable = True
            return
        group.generation += 1
        group.stable = True
        group.joined = set()
        slots = sorted(group.members)
        group.assignment = {slot: [] for slot in slots}
        for number, place in enumerate(self.places(group.topics)):
            group.assignment[slots[number % len(slots)]].append(place)
        for slot in slots:
            group.members[slot].given(group.assignment[slot], group.generation)

    def commit(self, consumer: SimulatedConsumer, offsets: Mapping[Place, int]) -> None:
        """Keep offsets, unless the member or its generation is not of the group any more."""
        group = self.groups[consumer.lane.group]
        if group.members.get(consumer.lane.slot) is not consumer or consumer.generation != group.generation:
            raise KafkaTrouble("CommitFailedError")
        for place, offset in offsets.items():
            self.on_commit(consumer.lane.group, place, offset)
            group.committed[place] = offset


@dataclass(slots=True, eq=False, repr=False)
class SimulatedConsumer:
    """One member, as lanes see it. `fenced`: the group knows it no more, and it will hear so at a heartbeat."""

    cluster: Cluster
    process: Process
    lane: Lane
    fenced: bool = False
    _generation: int = -1
    _stopped: bool = False
    _held: list[Place] = field(default_factory=list)
    _positions: dict[Place, int] = field(default_factory=dict)
    _paused: set[Place] = field(default_factory=set)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _given: asyncio.Future[tuple[list[Place], int] | None] | None = None
    _coordinating: asyncio.Task[None] | None = None
    _heard_at: float = 0.0

    # -- the group's side

    def given(self, places: list[Place], generation: int) -> None:
        """The coordinator's answer is under way."""
        self._hear((places, generation))

    def turned_away(self) -> None:
        """The group knows it no more; where it waits to be let in, it is told so."""
        self.fenced = True
        self._hear(None)

    def _hear(self, answer: tuple[list[Place], int] | None) -> None:
        waiting = self._given

        def arrives() -> None:
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)

        self.process.world.after(self.process.world.short(), arrives)

    def hear_of_more(self, place: Place) -> None:
        """A record was added."""
        if place in self._positions:
            self._more.set()

    # -- the port

    async def start(self, member: Member) -> None:
        """Join, and stay in touch."""
        if self.cluster.away:
            await self.process.wait(self.process.world.short(), lambda: None)
            raise KafkaTrouble("KafkaConnectionError")
        first = self.process.loop.create_future()
        self._coordinating = self.process.loop.create_task(self._coordinate(member, first))
        await first

    async def stop(self) -> None:
        """Static members do not say good-bye."""
        self._stopped = True
        if self._coordinating is not None:
            self._coordinating.cancel()

    @property
    def generation(self) -> int:
        return self._generation

    def held(self) -> AbstractSet[Place]:
        return frozenset(self._held)

    async def fetch(self, most: int) -> Mapping[Place, list[Record]]:
        if not self._any():
            self._more.clear()
            try:
                async with asyncio.timeout(_POLL_S):
                    await self._more.wait()
            except TimeoutError:
                return {}
        await asyncio.sleep(self.process.world.short())
        if self.cluster.away:
            await asyncio.sleep(_POLL_S)
            return {}
        return self._handed_out(most)

    def _any(self) -> bool:
        return not self.cluster.away and any(
            position < self.cluster.end(place) and place not in self._paused
            for place, position in self._positions.items()
        )

    def _handed_out(self, most: int) -> dict[Place, list[Record]]:
        found: dict[Place, list[Record]] = {}
        chance = self.process.world.chance
        for place, position in self._positions.items():
            left = most - sum(map(len, found.values()))
            if place in self._paused or position >= self.cluster.end(place) or left <= 0:
                continue
            records = self.cluster.log[place][position : position + chance.randint(1, left)]
            self._positions[place] = records[-1].offset + 1
            found[place] = records
        return found

    def pause(self, places: Collection[Place]) -> None:
        self._must_hold(places)
        self._paused.update(places)

    def resume(self, places: Collection[Place]) -> None:
        self._must_hold(places)
        self._paused.difference_update(places)
        self._more.set()

    def _must_hold(self, places: Collection[Place]) -> None:
        if not set(places) <= set(self._held):
            raise LookupError("IllegalStateError: a partition that is not assigned")

    def seek(self, place: Place, offset: int) -> None:
        if place not in self._positions:
            raise KafkaTrouble("IllegalStateError")
        self._positions[place] = offset
        self._more.set()

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        wanted = dict(offsets)
        await self.cluster.back()
        kind = self._luck()

        def keep() -> None:
            if kind != "not done":
                self.cluster.commit(self, wanted)
            if kind != "well":
                raise KafkaTrouble("RequestTimedOutError")

        await self.process.wait(self.process.world.short(), keep)

    def _luck(self) -> str:
        chance = self.process.world.chance
        return chance.choice(("not done", "not told")) if chance.random() < self.cluster.trouble else "well"

    async def committed(self, place: Place) -> int:
        group = self.cluster.groups[self.lane.group]
        return await self.process.wait(self.process.world.short(), lambda: group.committed.get(place, 0))

    async def ends(self, places: Collection[Place]) -> Mapping[Place, int]:
        asked = list(places)
        return await self.process.wait(
            self.process.world.short(), lambda: {place: self.cluster.end(place) for place in asked}
        )

    async def there(self) -> bool:
        return not self.cluster.away

    # -- staying in touch

    async def _coordinate(self, member: Member, first: asyncio.Future[None]) -> None:
        while True:
            places, generation = await self._joined()
            self._generation = generation
            group = self.cluster.groups[self.lane.group]
            self._held = list(places)
            self._positions = {place: group.committed.get(place, 0) for place in places}
            self._paused = set()
            self._more.set()
            if not first.done():
                first.set_result(None)
            await member.assigned(list(places))
            await self._until_it_changes()
            await member.revoked(list(self._held))

    async def _joined(self) -> tuple[list[Place], int]:
        while True:
            self._given = self.process.loop.create_future()
            await self.process.wait(self.process.world.short(), lambda: self.cluster.join(self))
            if (answer := await self._given) is not None:
                return answer

    async def _until_it_changes(self) -> None:
        """Until a heartbeat says that the group shares out anew, or knows this member no more."""
        group = self.cluster.groups[self.lane.group]
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            self._heard_at = self.process.world.now
            if not self.cluster.away and (self.fenced or not group.stable or self._generation != group.generation):
                return

    def watch(self) -> None:
        """The coordinator's own clock for this member."""
        self._heard_at = self.process.world.now
        self.process.world.after(self.lane.session_s, self._look)

    def _look(self) -> None:
        group = self.cluster.groups[self.lane.group]
        if group.members.get(self.lane.slot) is not self:
            return
        world = self.process.world
        in_touch = self.process.alive and not self.process.frozen and not self._stopped
        if in_touch or self.cluster.away:
            world.after(self.lane.session_s / 4, self._look)
            if in_touch:
                self._heard_at = world.now
        elif world.now - self._heard_at >= self.lane.session_s:
            self.cluster.leave_behind(self)
        else:
            world.after(self._heard_at + self.lane.session_s - world.now + 0.001, self._look)


@dataclass(slots=True, repr=False)
class SimulatedProducer(Producer):
    """Says things at least once, each key in order; where an answer is lost, a batch is there twice."""

    bootstrap: str = ""
    client_id: str = "simulated"
    cluster: Cluster = field(kw_only=True)
    process: Process = field(kw_only=True)

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        """Waits as long as it takes."""
        if not messages:
            return
        world, batch = self.process.world, list(messages)
        while True:
            await self.cluster.back()
            done = world.chance.randint(0, len(batch)) if world.chance.random() < self.cluster.trouble else len(batch)
            told = done == len(batch) and world.chance.random() >= self.cluster.trouble
            if await self.process.wait(world.short(), lambda: self._append(batch[:done], told=told)):  # noqa: B023
                return

    def _append(self, batch: Sequence[Outgoing], *, told: bool) -> bool:
        for message in batch:
            self.cluster.append(message)
        return told
