"""One organisation's dispatch without a Kafka: processes that can die at any moment, and what stays of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import ClientSession

from adapters.errors import Ambiguous
from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Endpoint, Features, Letter, Limits, Operation, RetryPolicy
from contracts.contract import Contract
from contracts.envelope import Message, message
from contracts.export import ExportDeclareV1
from services.dispatch.attempts import Attempts
from services.dispatch.book import Book
from services.dispatch.calls import Agency
from services.dispatch.carriers.carrier import Brought, Carrier
from services.dispatch.carriers.http import Http, connections
from services.dispatch.deliveries import Deliveries
from services.dispatch.desk.decisions import Decisions
from services.dispatch.seals.seal import UNSEALED, Sealing
from services.dispatch.voice import Voice
from services.runtime import parking
from services.runtime.breaker import Breaker
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.gate import Gate
from services.runtime.ids import new_id
from services.runtime.lanes import Lanes
from services.runtime.outbox import Relay
from services.runtime.owner import Fence
from services.runtime.parking import Parked, Wanted
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Place, Record, outgoing, read
from services.runtime.settings import Settings
from services.runtime.store import Store
from services.runtime.work import Lane
from tests.dispatch.agency import Customs, served
from tests.plain_customs import CUSTOMS
from tests.stores import Stores

TOPIC: Final = "customs.commands"
PATIENCE: Final = timedelta(seconds=2)
"""Of one call, as far as others reckon with it; see `Attentive`."""
AMPLE: Final = timedelta(seconds=60)
"""A good answer comes in this time, also on a machine that stands still for seconds."""
SETTLES: Final = timedelta(milliseconds=500)
WAIT_S: Final = 60.0
Silence = Callable[[str], Awaitable[object]]
"""Waits until the agency has fallen silent on the request that came with a traceparent."""
Hurried = Callable[[str], timedelta | None]
"""On a call about which car less patience is to be spent, as of now, and how much."""


def quick(
    features: Features,
    adapter: Adapter = CUSTOMS,
    patience: timedelta = PATIENCE,
    limits: Limits | None = None,
    in_place_for: timedelta = timedelta(seconds=1.5),
) -> Adapter:
    """An adapter with other promises and less patience."""
    return replace(
        adapter,
        features=features,
        retry=RetryPolicy(in_place_for, timedelta(milliseconds=20), 2.0, timedelta(milliseconds=600)),
        limits=limits or adapter.limits,
        operations={name: _hasty(operation, patience) for name, operation in adapter.operations.items()},
    )


def _hasty(operation: Operation, patience: timedelta) -> Operation:
    lookup = operation.lookup
    return replace(
        operation,
        endpoint=replace(operation.endpoint, timeout=patience),
        lookup=lookup and replace(lookup, endpoint=replace(lookup.endpoint, timeout=patience), settles=SETTLES),
    )


async def until(fact: Callable[[], bool], seconds: float = WAIT_S) -> None:
    """Wait for a fact, not for a time."""
    async with asyncio.timeout(seconds):
        while not fact():  # noqa: ASYNC110 - facts of many kinds, most of which tell nobody
            await asyncio.sleep(0.01)


@dataclass
class Death:
    """Stops a process when it comes to a moment: for good, unless it is only frozen and thaws."""

    moment: str | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    thaw: asyncio.Event = field(default_factory=asyncio.Event)

    async def at(self, moment: str) -> None:
        if moment == self.moment:
            self.reached.set()
            await self.thaw.wait()


@dataclass(frozen=True, slots=True)
class Attentive(Http):
    """HTTP with all the patience in the world, until the agency has fallen silent: then there is none left.

    A time-out that is short enough to wait for would also cut off good answers, wherever the machine is slow. What
    HTTP's own time-outs come to is shown in tests/dispatch/test_misbehaviour.py.
    """

    silence: Silence
    death: Death

    async def carry(self, endpoint: Endpoint, letter: Letter, key: str | None) -> Brought:
        """As `Http` does; a process may die of the silence."""
        silent = asyncio.ensure_future(self.silence(letter.headers["traceparent"]))
        carrying = asyncio.create_task(Http.carry(self, replace(endpoint, timeout=AMPLE), letter, key))
        try:
            await asyncio.wait({carrying, silent}, return_when=asyncio.FIRST_COMPLETED)
            if not carrying.done():
                await silent
                await self.death.at("the silence")
                raise Ambiguous
            return await carrying
        finally:
            await _dropped([silent, carrying])


@dataclass(frozen=True, slots=True)
class MortalAgency(Agency):
    """A caller that may die just before a call, or when it has its answer, and that hurries where it is told to."""

    death: Death = field(default_factory=Death)
    hurried: Hurried = field(default=lambda _: None)

    async def ask(self, operation: Operation, command: Message[Contract], key: str, traceparent: str) -> Contract:
        await self.death.at("before the call")
        patience = self.hurried(vars(command.data)["vin"])
        if patience is not None:
            operation = _hasty(operation, patience)
        came = await Agency.ask(self, operation, command, key, traceparent)
        await self.death.at("after the answer")
        return came


@dataclass
class Broker(Producer):
    """Kafka as far as dispatch writes to it."""

    bootstrap: str = "nowhere"
    client_id: str = "test"
    said: list[Outgoing] = field(default_factory=list)
    death: Death = field(default_factory=Death)

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        """Take them, and perhaps die with the answer among them."""
        answers = any(one.topic == "customs.events" for one in messages)
        if answers:
            await self.death.at("before saying")
        self.said.extend(messages)
        if answers:
            await self.death.at("after saying")


@dataclass
class Worker:
    """One process of dispatch."""

    deliveries: Deliveries
    decisions: Decisions
    store: Store
    death: Death
    lanes: Lanes | None = None

    async def parked(self) -> list[Parked]:
        rows = await self.store.read(lambda connection: parking.page(connection, Wanted(), None, 1000))
        return sorted(rows, key=lambda row: (row.since, row.record.offset))

    async def parked_as(self, state: parking.State | None, count: int = 1) -> list[Parked]:
        """Wait until so many deliveries are in a state."""
        async with asyncio.timeout(WAIT_S):
            while True:
                rows = [row for row in await self.parked() if state in (None, row.state)]
                if len(rows) >= count:
                    return rows
                await asyncio.sleep(0.01)

    async def nothing_parked(self) -> None:
        async with asyncio.timeout(WAIT_S):
            while await self.parked():  # noqa: ASYNC110 - a table, which tells nobody
                await asyncio.sleep(0.01)


@dataclass
class Site:
    """What stays when a process dies: its store, what it said, and the agency."""

    settings: Settings
    url: str
    customs: Customs
    said: list[Outgoing] = field(default_factory=list)
    organisation: str = "customs"
    carrier: Carrier | None = None
    """The way to the agency, where it is none of HTTP's."""
    silence: Silence | None = None
    """With which HTTP's time-out strikes; None where that is counted in seconds."""
    sealing: Sealing = UNSEALED
    hurried: Hurried = field(default=lambda _: None)

    def heard(self, kind: str, topic: str | None = None) -> list[Any]:
        """What was said of one contract: each message once, however often it was said."""
        of_kind = [one for one in self.said if f"tongche.{kind}." in str(dict(one.headers)["ce_type"])]
        once = {one.id: one for one in of_kind if topic in {None, one.topic}}
        return [read(Record(one.topic, 0, 0, one.key, one.headers, one.value)).data for one in once.values()]

    def letters(self) -> list[Any]:
        """What was said on the topic of the dead."""
        return self.heard("delivery.changed", f"{self.organisation}.dead")

    def states(self, record: Record) -> list[str]:
        """What was said of the fate of one delivery, in order."""
        fates = [one for one in self.heard("delivery.changed", "delivery.events") if one.delivery_id == record.id]
        return [one.state for one in sorted(fates, key=lambda one: one.revision)]

    @asynccontextmanager
    async def working(
        self,
        moment: str | None = None,
        *,
        slot: str = "0",
        generation: int = 1,
        partitions: Sequence[int] = (0, 1),
        lane: Lane | None = None,
    ) -> AsyncIterator[Worker]:
        """A process from its start until it is dropped, as a crash drops it; `moment` is where it dies by itself.

        With a lane it gets its partitions, and its commands, from Kafka; without one, these two at once.
        """
        death, store = Death(moment), await asyncio.to_thread(open_store, self.settings, "dispatch")
        store.start()
        organisation = ORGANISATIONS[self.organisation]
        broker = Broker(said=self.said, death=death)
        relay = Relay(store, broker)
        store.on_commit = relay.told
        await relay.load()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(store.stop)
            http = await stack.enter_async_context(connections(ADAPTERS[organisation.adapter].features))
            way = self.carrier or self._way(organisation.id, http, death)
            agency = MortalAgency(organisation, way, self.sealing, death=death, hurried=self.hurried)
            worker = _worker(agency, store, broker, slot)
            runs = [relay.run, worker.deliveries.book.fence.renew, worker.deliveries.heads.run]
            if lane is None:
                places = [Place(f"{self.organisation}.commands", one) for one in partitions]
                await worker.deliveries.assigned(places, generation)
            else:
                worker.lanes = Lanes(replace(lane, slot=slot), worker.deliveries)
                runs.append(worker.lanes.run)
            tasks = [asyncio.create_task(run()) for run in runs]
            stack.push_async_callback(_dropped, tasks)
            yield worker
            failed = [failure for task in tasks if task.done() and (failure := task.exception())]
            assert not failed, failed

    def _way(self, organisation: str, http: ClientSession, death: Death) -> Http:
        if self.silence is not None:
            return Attentive(self.url, organisation, http, self.silence, death)
        return Http(self.url, organisation, http)

    async def until_dead(self, moment: str, record: Record) -> None:
        """A process that handles a record and dies at a moment of it."""
        async with self.working(moment) as worker:
            handling = asyncio.create_task(worker.deliveries.handle(record, None))
            async with asyncio.timeout(WAIT_S):
                await worker.death.reached.wait()
            await _dropped([handling])


def _worker(agency: Agency, store: Store, broker: Broker, slot: str) -> Worker:
    clock, limits = Clock(), agency.organisation.limits
    voice = Voice(agency.organisation, clock, new_id)
    book = Book(store, Fence(store, f"dispatch.{agency.organisation.id}", slot), agency.adapter.features)
    gate = Gate(Breaker(agency.organisation.id), limits.concurrency, limits.per_second)
    deliveries = Deliveries(Attempts(agency, voice, book, gate, clock, (0.05, 0.1), partitions=2), broker)
    return Worker(deliveries, Decisions(agency, voice, store, clock, book.consumer), store, broker.death)


async def _dropped(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def site(stores: Stores, customs: Customs) -> AsyncIterator[Site]:
    """An empty store and the agency's server."""
    settings = await asyncio.to_thread(stores.ready)
    async with served(customs) as url:
        yield Site(settings, url, customs, silence=customs.silence)


def declaration(
    car: str, offset: int = 0, age: timedelta = timedelta(), licence: str = "26-AA-100256", partition: int = 0
) -> Record:
    """A command as it stands on Kafka."""
    command = ExportDeclareV1.model_validate(
        {
            "vin": car,
            "motor_no": "TZ213XS0001",
            "model": "样例纯电轿车",
            "fuel_kind": "BEV",
            "curb_mass": 1850,
            "exporter_uscc": "91440300MAPW444F2G",
            "hs_code": "8703801090",
            "destination": "AE",
            "licence_no": licence,
        }
    )
    return as_record(command, TOPIC, offset, age)._replace(partition=partition)


def as_record(command: Contract, topic: str, offset: int = 0, age: timedelta = timedelta()) -> Record:
    """Any command as a record."""
    car = str(vars(command)["vin"])
    said = message(command, id=new_id(), source="urn:test", subject=f"case-{car}", time=datetime.now(UTC) - age)
    sent = outgoing(topic, car, said)
    return Record(topic, 0, offset, sent.key, sent.headers, sent.value)
