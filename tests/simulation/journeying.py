"""The journey in a simulated world: sales come, honest organisations answer in their own time, everything breaks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Final

from adapters.organisations import ORGANISATIONS
from contracts.case import CaseChangedV1
from contracts.contract import Contract
from contracts.envelope import Message, message
from contracts.registry import contract_of
from contracts.topics import CASE_EVENTS, COMMANDS, SALE_EVENTS
from services.journey.process import Process as Deciding
from services.journey.service import FOLLOWED, GROUP
from services.journey.timers import AlarmClock
from services.runtime.lanes import Lane, Lanes
from services.runtime.outbox import Relay
from services.runtime.record import Place, Record, outgoing, read
from services.runtime.subscription import Subscription, TransactionalWork
from tests.journey.road import EXPORT, LOAN, POLICIES, Agencies, sale
from tests.simulation.bookkeeper import joining
from tests.simulation.cluster import Cluster, SimulatedProducer
from tests.simulation.disk import Disk
from tests.simulation.dispatching import VINS
from tests.simulation.world import Process, World, WorldClock

SALES: Final = (
    lambda vin: sale(vin=vin),
    lambda vin: sale("BEV", loan=LOAN, vin=vin),
    lambda vin: sale("BEV", export=EXPORT, vin=vin),
)
"""A sale for cash, one with a loan, and one that leaves the country."""


@dataclass(slots=True, eq=False, repr=False)
class Journey:
    """The program, every organisation behind it, and the sales."""

    world: World
    slowest_s: float = 1.0
    """So long an organisation may take for an answer."""
    cluster: Cluster = field(init=False)
    disk: Disk = field(init=False)
    lanes: list[Lanes] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    sold: list[str] = field(default_factory=list)
    _agencies: dict[str, Agencies] = field(default_factory=dict)
    _heard: set[str] = field(default_factory=set)
    _busy_until: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    _ids: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.cluster = Cluster(self.world, on_commit=self._committed, on_append=self._appended)
        self.disk = Disk(self.world)

    async def run(self, process: Process, slot: str) -> None:
        """As the service puts it together, but for its desk."""
        store, clock = self.disk.store(process), WorldClock(world=self.world, machine=slot)
        producer = SimulatedProducer(cluster=self.cluster, process=process)
        relay = Relay(store, producer)
        store.on_commit = relay.told
        await relay.load()
        process.start(relay.run)
        deciding = Deciding(clock, POLICIES, frozenset(ORGANISATIONS))
        process.start(AlarmClock(store, clock, deciding).run)
        work = TransactionalWork(Subscription(GROUP, FOLLOWED, deciding.apply), store, producer, clock)
        lane = Lane(GROUP, FOLLOWED, "", slot, at_once=8, records=12, session_s=4, drain_s=2)
        lanes = Lanes(lane, work, connect=partial(joining, self.cluster, process))
        self.lanes.append(lanes)
        await lanes.run()

    @property
    def _clock(self) -> WorldClock:
        return WorldClock(world=self.world)

    # -- the others

    def sell(self, kind: int) -> None:
        """A car is sold; the sale may come twice, as everything may."""
        case, vin = f"case-{len(self.sold)}", VINS[len(self.sold)]
        sold = SALES[kind](vin)
        self.sold.append(case)
        self._agencies[case] = Agencies(sold)
        said = message(sold, id=case, source="urn:maker", subject=case, time=self._clock.now())
        for _ in range(self.world.chance.randint(1, 2)):
            self.cluster.append(outgoing(SALE_EVENTS.name, vin, said))

    def _appended(self, record: Record) -> None:
        """An organisation hears of a command, once, and answers in the order of what it hears about a vehicle."""
        if not record.topic.endswith(".commands") or record.id in self._heard:
            return
        self._heard.add(record.id)
        at = (record.topic, record.key)
        answers_at = max(self._busy_until[at], self.world.now) + self.world.chance.uniform(0.01, self.slowest_s)
        self._busy_until[at] = answers_at
        self.world.after(answers_at - self.world.now, partial(self._answer, record.key, read(record)))

    def _answer(self, key: str, command: Message[Contract]) -> None:
        case = command.envelope.subject
        answer = message(
            self._agencies[case].answer(command.data),
            id=f"answer-{next(self._ids)}",
            source="urn:agency",
            subject=case,
            time=self._clock.now(),
            cause=command.envelope,
        )
        topic = f"{COMMANDS[contract_of(command.data)[0].name].agency}.events"
        for _ in range(self.world.chance.choice((1, 1, 1, 2))):
            self.cluster.append(outgoing(topic, key, answer))

    # -- what must hold

    def _committed(self, group: str, place: Place, offset: int) -> None:
        noted = {id_ for (id_,) in self.disk.ask("select id from ledger")}
        over = {record.id for record in self.cluster.log[place][:offset]} - noted
        if over:
            self.wrong.append(f"{group} committed {place} {offset} over {sorted(over)}")

    @property
    def finished(self) -> bool:
        """Whether every case that was opened has come to its end, and all was said."""
        closed = self.disk.ask("select count(*) from cases where closed_at is not null")[0][0]
        return closed == len(self.sold) and not self.disk.ask("select id from outbox limit 1")

    def judged(self) -> list[str]:
        """Everything that is wrong."""
        wrong = list(self.wrong)
        silent = self.disk.ask(
            "select id from cases where closed_at is null and owner is null and id not in (select case_id from timers)"
        )
        wrong += [f"{case} waits for nothing" for (case,) in silent]
        asked: dict[tuple[str, str], set[str]] = defaultdict(set)
        for topic in sorted({place.topic for place in self.cluster.log if place.topic.endswith(".commands")}):
            for record in self.cluster.of(topic):
                said = read(record)
                asked[said.envelope.subject, contract_of(said.data)[0].name].add(said.envelope.id)
        wrong += [f"{case} asked {name} {len(ids)} times" for (case, name), ids in asked.items() if len(ids) > 1]
        return wrong + self._gaps()

    def _gaps(self) -> list[str]:
        """News of a case that came out of order, or not at all."""
        told: dict[str, list[int]] = defaultdict(list)
        seen: set[str] = set()
        for record in self.cluster.of(CASE_EVENTS.name):
            said = read(record)
            if isinstance(said.data, CaseChangedV1) and record.id not in seen:
                seen.add(record.id)
                told[said.envelope.subject].append(said.data.version)
        return [f"{case} was told as {v}" for case, v in told.items() if v != list(range(v[0], v[0] + len(v)))]
