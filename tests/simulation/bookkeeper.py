"""A service whose whole effect is in its store: follows a topic, writes down what comes, says something about each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final

from sqlalchemy import Connection

from services.runtime import outbox
from services.runtime.consumer import Consumer, Unreadable
from services.runtime.lanes import Lane, Lanes
from services.runtime.outbox import Relay
from services.runtime.record import Outgoing, Record
from services.runtime.subscription import Subscription, TransactionalWork
from tests.simulation.cluster import Cluster, SimulatedConsumer, SimulatedProducer
from tests.simulation.disk import Disk
from tests.simulation.world import Process, World, WorldClock

IN: Final = "in"
OUT: Final = "out"
GROUP: Final = "books"
_LOOK_S: Final = 0.5


def joining(cluster: Cluster, process: Process, lane: Lane, _: Unreadable) -> Consumer:
    """The port of a process's lanes."""
    return SimulatedConsumer(cluster, process, lane)


@dataclass(slots=True, eq=False, repr=False)
class Books:
    """One such service and what surrounds it; `slots` processes of it at most."""

    world: World
    cluster: Cluster = field(init=False)
    disk: Disk = field(init=False)
    lanes: list[Lanes] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    sent: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    records: int = 12
    _applied: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.cluster = Cluster(self.world, on_commit=self._committed)
        self.disk = Disk(self.world)
        self.world.after(_LOOK_S, self._look)

    async def run(self, process: Process, slot: str) -> None:
        """The program."""
        store = self.disk.store(process)
        producer = SimulatedProducer(cluster=self.cluster, process=process)
        relay = Relay(store, producer)
        store.on_commit = relay.told
        await relay.load()
        process.start(relay.run)
        work = TransactionalWork(
            Subscription(GROUP, (IN,), self._apply), store, producer, WorldClock(world=self.world, machine=slot)
        )
        lane = Lane(GROUP, (IN,), "", slot, at_once=4, records=self.records, session_s=4, drain_s=2)
        lanes = Lanes(lane, work, connect=partial(joining, self.cluster, process))
        self.lanes.append(lanes)
        await lanes.run()

    def _apply(self, connection: Connection, record: Record) -> None:
        number = next(self._applied)
        id_ = f"{record.id}#{number}"
        outbox.add_outgoing(connection, Outgoing(id_, OUT, record.key, (("ce_id", id_.encode()),), b""))

    # -- the others

    def send(self, key: str, *, twice: bool = False) -> None:
        """A message for the service; perhaps twice, as producers do."""
        id_ = f"{key}-{len(self.sent[key])}"
        self.sent[key].append(id_)
        for _ in range(1 + twice):
            self.cluster.append(Outgoing(id_, IN, key, (("ce_id", id_.encode()),), b""))

    # -- what must hold

    def _committed(self, group: str, place: object, offset: int) -> None:
        below = {one.id for one in self.cluster.of(IN) if one.place == place and one.offset < offset}
        noted = {id_ for (id_,) in self.disk.ask("select id from ledger")}
        if below - noted:
            self.wrong.append(f"{group} committed {place} {offset} over {sorted(below - noted)}")

    def _look(self) -> None:
        self.world.after(_LOOK_S, self._look)
        for lanes in self.lanes:
            if lanes.in_memory > self.records + 1:
                self.wrong.append(f"{lanes.in_memory} records in the window")

    @property
    def said(self) -> dict[str, list[str]]:
        """What was said about each key, each once, in the order in which it was said first."""
        first: dict[str, dict[str, None]] = defaultdict(dict)
        for record in self.cluster.of(OUT):
            first[record.key].setdefault(record.id)
        return {key: list(ids) for key, ids in first.items()}

    @property
    def finished(self) -> bool:
        """Whether all that was sent was answered and committed."""
        said = self.said
        return all(len(said.get(key, ())) >= len(ids) for key, ids in self.sent.items()) and (
            GROUP not in self.cluster.groups or not self.cluster.backlog(GROUP)
        )

    def judged(self, *, alone: bool) -> list[str]:
        """Everything that is wrong. What several processes say through one outbox keeps no common order."""
        wrong = list(self.wrong)
        # Each says how many had been applied before it: no database keeps the order of its rows.
        at = {id_: int(number) for ids in self.said.values() for id_, number in (one.split("#") for one in ids)}
        noted = sorted((id_ for (id_,) in self.disk.ask("select id from ledger")), key=lambda id_: at.get(id_, 0))
        for key, ids in self.sent.items():
            if [id_ for id_ in noted if id_.startswith(f"{key}-")] != ids:
                wrong.append(f"{key} was applied as {noted}")
            said = [id_.split("#")[0] for id_ in self.said.get(key, ())]
            if (said if alone else sorted(said)) != (ids if alone else sorted(ids)):
                wrong.append(f"of {key} was said {said}")
        return wrong
