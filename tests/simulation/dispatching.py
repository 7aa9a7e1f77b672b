"""A dispatch to two organisations in a simulated world, and a judge who trusts none of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Final, NamedTuple, cast

from adapters.spec import Features
from contracts.envelope import message
from contracts.police import PlateReleaseV1
from services.dispatch.attempts import Attempts
from services.dispatch.book import Book
from services.dispatch.breakers import Breakers
from services.dispatch.carriers.carrier import Carrier
from services.dispatch.deliveries import Deliveries
from services.dispatch.voice import Voice
from services.runtime.breaker import Breaker
from services.runtime.gate import Gate
from services.runtime.lanes import Lane, Lanes
from services.runtime.outbox import Relay
from services.runtime.owner import Fence
from services.runtime.packing import unpack_messages
from services.runtime.poison import PLACE
from services.runtime.record import Outgoing, Place, outgoing, read
from tests.simulation.bookkeeper import joining
from tests.simulation.cluster import Cluster, SimulatedProducer
from tests.simulation.disk import Disk
from tests.simulation.offices import Effect, Office, SimulatedAgency, kind
from tests.simulation.world import Process, World, WorldClock

OFFICES: Final = ("north", "south")
VINS: Final = ("LZZTEST05TA000001", "LZZTEST0XTA000009", "LZZTEST03TA000000")
_PAUSES_S: Final = (1.0, 2.0, 4.0)
_RECORDS: Final = 12
_LEASE_S: Final = 3.0
_LOOK_S: Final = 0.5
_NO_WAY: Final = cast("Carrier", None)


@dataclass(frozen=True, slots=True)
class Sent:
    """A command that was sent."""

    id: str
    office: str
    vin: str
    number: str


class _Owner(NamedTuple):
    """Whose a partition is, and since when it was seen to be."""

    who: str
    epoch: int
    since: float


class _Row(NamedTuple):
    """A parked delivery."""

    id: str
    consumer: str
    key: str
    state: str
    failure: str | None


@dataclass(slots=True, eq=False, repr=False)
class Dispatch:
    """The program, the two organisations, and everything that was sent."""

    world: World
    features: Features = Features.IDEMPOTENT
    cluster: Cluster = field(init=False)
    disk: Disk = field(init=False)
    offices: dict[str, Office] = field(init=False)
    sent: list[Sent] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lanes: list[Lanes] = field(default_factory=list)
    poisoned: int = 0
    _owners: dict[tuple[str, Place], _Owner] = field(default_factory=dict)
    _ids: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.cluster = Cluster(self.world, on_commit=self._committed)
        self.disk = Disk(self.world)
        self.offices = {name: Office(self.world, name, kind(self.features)) for name in OFFICES}
        for office in self.offices.values():
            office.on_effect, office.on_call = self._effect, self._call
        self.world.after(_LOOK_S, self._look)

    # -- the program

    async def run(self, process: Process, slot: str) -> None:
        """As the service puts it together, with this world's ports."""
        store, clock = self.disk.store(process), WorldClock(world=self.world, machine=slot)
        producer = SimulatedProducer(cluster=self.cluster, process=process)
        relay = Relay(store, producer)
        store.on_commit = relay.told
        await relay.load()
        who = f"{slot}/{next(self._ids)}"
        breakers = Breakers(store, clock, who)
        for name, office in self.offices.items():
            agency = SimulatedAgency(office.organisation, _NO_WAY, office=office, process=process, caller=who)
            consumer, limits = f"dispatch.{name}", office.adapter.limits
            fence = Fence(store, consumer, slot, who=who.split("/")[1], now=self._now)
            book = Book(store, fence, office.adapter.features, clock)
            gate = Gate(Breaker(name, now=self._now), limits.concurrency, limits.per_second)
            voice = Voice(office.organisation, clock, self._id)
            attempts = Attempts(agency, voice, book, gate, clock, _PAUSES_S, self.cluster.partitions)
            deliveries = Deliveries(attempts, producer)
            breakers.add(gate)
            lane = Lane(consumer, (_commands(name),), "", slot, 6, limits.records, session_s=5, drain_s=3)
            lanes = Lanes(lane, deliveries, connect=partial(joining, self.cluster, process))
            self.lanes.append(lanes)
            process.start(fence.renew)
            process.start(deliveries.heads.run)
            process.start(partial(_consume, breakers, lanes))
        process.start(breakers.run)
        await relay.run()

    def _now(self) -> float:
        return self.world.now

    def _id(self) -> str:
        return f"said-{next(self._ids)}"

    # -- the others

    def send(self, office: str, vin: str, *, twice: bool = False, age: timedelta = timedelta()) -> Sent:
        """A command to an organisation about a vehicle."""
        number = f"{office[0]}{VINS.index(vin)}-{len(self.sent)}"
        command = message(
            PlateReleaseV1(vin=vin, reservation_no=number, reason="test"),
            id=f"command-{len(self.sent)}",
            source="urn:test",
            subject=f"case-{vin}",
            time=WorldClock(world=self.world).now() - age,
        )
        sent = Sent(command.envelope.id, office, vin, number)
        self.sent.append(sent)
        for _ in range(1 + twice):
            self.cluster.append(outgoing(_commands(office), vin, command))
        return sent

    def poison(self, office: str, vin: str) -> None:
        """Bytes that are no command."""
        self.poisoned += 1
        self.cluster.append(Outgoing("", _commands(office), vin, (), b"nonsense"))

    # -- what must hold at every moment

    def _effect(self, office: Office, effect: Effect) -> None:
        mine = [one for one in self.sent if (one.office, one.vin) == (office.name, effect.vin)]
        at = next(index for index, one in enumerate(mine) if one.number == effect.number)
        for earlier in mine[:at]:
            if not office.knows(earlier.number) and earlier.number not in office.refused:
                self.wrong.append(f"{effect.number} overtook {earlier.number} at {office.name}")
        if any(done.number == effect.number for done in office.book):
            self.wrong.append(f"{effect.number} was done twice at {office.name}")
        if effect.key != mine[at].id:
            self.wrong.append(f"{effect.number} came under the key {effect.key}")

    def _committed(self, group: str, place: Place, offset: int) -> None:
        below = self.cluster.log[place][:offset]
        decided = dict(self.disk.ask("select id, outputs from ledger where consumer = ?", group))
        waiting = {id_ for (id_,) in self.disk.ask("select id from parked where consumer = ?", group)}
        said = {record.id for log in self.cluster.log.values() for record in log}
        aside = self._aside(place.topic)
        for record in below:
            if record.id in waiting or record.spot in aside:
                continue
            if record.id not in decided:
                self.wrong.append(f"{place} was committed at {offset} over {record.id}")
            elif unsaid := {one.id for one in unpack_messages(decided[record.id])} - said:
                self.wrong.append(f"{place} was committed at {offset} before {unsaid} was said")

    def _look(self) -> None:
        self.world.after(_LOOK_S, self._look)
        for lanes in self.lanes:
            if lanes.in_memory > _RECORDS + 1:
                self.wrong.append(f"{lanes.in_memory} records in the window of {lanes.lane.group}")
        self._see_owners()

    def _see_owners(self) -> None:
        question = "select consumer, topic, partition, who, epoch from owner"
        for consumer, topic, partition, who, epoch in self.disk.ask(question):
            at = (consumer, Place(topic, partition))
            if at not in self._owners or self._owners[at].epoch != epoch:
                self._owners[at] = _Owner(who, epoch, self.world.now)

    def _call(self, office: Office, caller: str, vin: str) -> None:
        at = (f"dispatch.{office.name}", self.cluster.place(_commands(office.name), vin))
        self._see_owners()
        owner = self._owners[at]
        if owner.who != caller and self.world.now - owner.since > _LEASE_S:
            self.wrong.append(f"{caller} called {office.name} though {at[1]} was {owner.who}'s since {owner.since}")

    # -- what must have come of it in the end

    @property
    def finished(self) -> bool:
        """Whether nothing is under way any more."""
        if len(self.cluster.groups) < len(OFFICES) or any(map(self.cluster.backlog, self.cluster.groups)):
            return False
        rows = self.disk.ask("select consumer, key, state from parked")
        dead = {(consumer, key) for consumer, key, state in rows if state == "dead"}
        return all((consumer, key) in dead for consumer, key, _ in rows)

    def judged(self) -> list[str]:
        """Everything that is wrong."""
        rows = {
            row.id: row
            for row in map(_Row._make, self.disk.ask("select id, consumer, key, state, failure from parked"))
        }
        answers = self._answers()
        wrong = list(self.wrong)
        for sent in self.sent:
            office, row, heard = self.offices[sent.office], rows.get(sent.id), answers[sent.id]
            done = office.knows(sent.number) or sent.number in office.refused
            if len(heard) > 1:
                wrong.append(f"{sent.number} was answered as {heard}")
            if heard and not done:
                wrong.append(f"{sent.number} was answered and not done")
            if heard or (row is not None and row.state == "dead"):
                continue
            if row is None:
                wrong.append(f"{sent.number} is neither answered nor waiting")
            elif not any(
                other.state == "dead" and (other.key, other.consumer) == (row.key, row.consumer)
                for other in rows.values()
            ):
                wrong.append(f"{sent.number} waits for nothing")
        aside = sum(len(self._aside(_commands(name))) for name in OFFICES)
        if aside != self.poisoned:
            wrong.append(f"{aside} of {self.poisoned} poisoned records are set aside")
        if self.features is not Features.BLIND and any(row.failure == "person" for row in rows.values()):
            wrong.append("a person is asked though the agency can be")
        return wrong

    def _aside(self, topic: str) -> set[str]:
        """Where the records stood that were set aside."""
        return {dict(record.headers)[PLACE].decode() for record in self.cluster.of(f"{topic}.poison")}

    def _answers(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for record in self.cluster.of("police.events"):
            envelope = read(record).envelope
            if envelope.causationid is not None:
                found[envelope.causationid].add(envelope.id)
        return found


def _commands(office: str) -> str:
    return f"{office}.commands"


async def _consume(breakers: Breakers, lanes: Lanes) -> None:
    await breakers.known.wait()
    await lanes.run()
