"""Several workers and one agency that knows no keys: whoever comes, goes or freezes, each effect happens once.

What is guaranteed, and by what: before a call to an agency that does not de-duplicate stands a note in the store, which
only the owner of the partition may write. A zombie therefore begins no call; of one that it had begun the new owner
finds the note, and looks it up, or leaves it to a person. Agencies that de-duplicate need no note; there the lease ends
a zombie's calls, three seconds after it last read that it is the owner, and the agency's memory does the rest.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy import event

from adapters.registry import ADAPTERS
from adapters.spec import Features, Limits, RetryPolicy
from contracts.topics import COMMANDS
from services.runtime.breaker import State
from services.runtime.gate import Gate
from services.runtime.owner import LEASE_S
from services.runtime.record import Record
from services.runtime.settings import Settings
from services.runtime.work import Gone, Lane
from tests.dispatch.agency import AFTER_A_CRASH_S, Customs, Fault, served, vin
from tests.dispatch.workshop import WAIT_S, Site, Worker, declaration, quick, until

CAR = vin(1)
SESSION_S: Final = 6.0
"""The shortest that a broker allows."""
NEARLY = COMMANDS["export.declare"].deadline - timedelta(seconds=1.5)
"""So old a command is almost past its deadline."""
NOTED = [Features.QUERYABLE, Features.BLIND]


@dataclass
class Slow(Customs):
    """It acts at once and answers when it is told to."""

    finish: asyncio.Event = field(default_factory=asyncio.Event)

    async def declare(self, request: web.Request) -> web.StreamResponse:
        """Act now, answer later."""
        answer = await Customs.declare(self, request)
        await self.finish.wait()
        return answer


@dataclass
class Ground:
    """Where workers meet: one SQLite file for all of them, or one PostgreSQL."""

    settings: Settings
    monkeypatch: pytest.MonkeyPatch

    @asynccontextmanager
    async def site(self, features: Features, customs: Customs) -> AsyncIterator[Site]:
        """An agency of some features, at its address."""
        self.monkeypatch.setitem(ADAPTERS, "customs", quick(features))
        customs.knows_keys = features is Features.IDEMPOTENT
        async with served(customs) as url:
            yield Site(self.settings, url, customs, silence=customs.silence)


@pytest.fixture
def ground(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """A ground of the test's own."""
    return Ground(settings, monkeypatch)


def _under_way(worker: Worker, record: Record) -> asyncio.Task[None]:
    return asyncio.create_task(worker.deliveries.handle(record, None))


@pytest.mark.parametrize("features", list(Features))
def test_a_call_under_way_while_its_partition_moves_happens_once(ground: Ground, features: Features) -> None:
    """The old owner hears the answer and may say nothing; the new one finds out, asks again, or leaves it to us."""
    customs = Slow()

    async def scenario() -> None:
        record = declaration(CAR)
        async with ground.site(features, customs) as where, where.working(slot="0") as old:
            calling = _under_way(old, record)
            await until(lambda: customs.calls_about(CAR) == 1)
            async with where.working(slot="1", generation=2) as new:
                customs.finish.set()
                with pytest.raises(Gone):
                    await calling
                assert where.said == []
                await new.deliveries.handle(record, None)
                if features is Features.BLIND:
                    (row,) = await new.parked_as("dead")
                    assert row.reason == "a call was cut off"
                else:
                    await new.nothing_parked()
                    assert len(where.heard("export.released")) == 1
        assert customs.effects == [(CAR, record.id)]
        assert customs.calls_about(CAR) == (2 if features is Features.IDEMPOTENT else 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("features", NOTED)
def test_a_zombie_begins_no_call(ground: Ground, features: Features) -> None:
    """It believes that it owns its partition, and its lease is fresh; but its note is refused."""
    customs = Customs()

    async def scenario() -> None:
        record = declaration(CAR)
        async with (
            ground.site(features, customs) as where,
            where.working(slot="0") as zombie,
            where.working(slot="1", generation=2) as new,
        ):
            assert zombie.deliveries.book.fence.fresh(record.place)
            with pytest.raises(Gone):
                await zombie.deliveries.handle(record, None)
            assert customs.calls == []
            await new.deliveries.handle(record, None)
            assert len(where.heard("export.released")) == 1
        assert customs.effects == [(CAR, record.id)]

    asyncio.run(scenario())


def test_a_zombies_call_that_reaches_the_agency_late_is_found(ground: Ground) -> None:
    """It froze between its note and its call, and thawed: "unknown" is not believed so soon after the note."""
    customs = Customs()

    async def scenario() -> None:
        record = declaration(CAR)
        async with (
            ground.site(Features.QUERYABLE, customs) as where,
            where.working("before the call", slot="0") as zombie,
        ):
            calling = _under_way(zombie, record)
            await zombie.death.reached.wait()
            async with where.working(slot="1", generation=2) as new:
                resuming = _under_way(new, record)
                await until(lambda: bool(customs.look_ups))
                zombie.death.thaw.set()
                with pytest.raises(Gone):
                    await calling
                await resuming
                await new.nothing_parked()
                assert len(where.heard("export.released")) == 1
        assert (customs.effects, customs.calls_about(CAR)) == ([(CAR, record.id)], 1)

    asyncio.run(scenario())


def test_an_old_doubt_of_our_own_says_nothing_of_a_later_call_of_another(ground: Ground) -> None:
    """Ours has long settled; a worker after us called again and was killed: "unknown" counts from its call on."""
    customs = Customs(calls_go={CAR: [Fault("hang"), Fault("late")]}, late_s=AFTER_A_CRASH_S)

    async def scenario() -> None:
        record = declaration(CAR)
        async with ground.site(Features.QUERYABLE, customs) as where, where.working("the silence") as first:
            adapter = ADAPTERS["customs"]
            hasty = replace(adapter, retry=replace(adapter.retry, in_place_for=timedelta()))
            ground.monkeypatch.setitem(ADAPTERS, "customs", hasty)
            calling = _under_way(first, record)
            await first.death.reached.wait()
            places = list(first.deliveries.attempts.mine)
            first.deliveries.leaving(places)
            first.death.thaw.set()
            await calling
            await first.parked_as("parked")
            await first.deliveries.revoked(places)
            async with where.working("the silence", slot="1", generation=2) as other:
                await other.death.reached.wait()
            await first.deliveries.assigned(places, 3)
            await first.nothing_parked()
        assert (customs.effects, customs.calls_about(CAR)) == ([(CAR, record.id)], 2)

    asyncio.run(scenario())


def test_a_lease_that_is_not_renewed_holds_all_calls(ground: Ground) -> None:
    """Who was frozen and thaws calls nobody, also where no note would stop it, until it has read who owns what."""
    customs, thawed = Customs(), threading.Event()

    async def scenario() -> None:
        record = declaration(CAR)
        async with ground.site(Features.IDEMPOTENT, customs) as where, where.working(slot="0") as zombie:
            event.listen(zombie.store.reader, "begin", lambda _: thawed.wait(WAIT_S))
            fence = zombie.deliveries.book.fence
            now = fence.now
            fence.now = lambda: now() + LEASE_S + 0.1
            calling = _under_way(zombie, record)
            async with where.working(slot="1", generation=2) as new:
                await new.deliveries.handle(record, None)
                thawed.set()
                with pytest.raises(Gone):
                    await calling
        assert customs.calls == [CAR]

    asyncio.run(scenario())


@pytest.mark.parametrize("features", list(Features))
def test_parked_heads_move_with_their_partition(ground: Ground, features: Features) -> None:
    """The new owner tries what was parked, in order; the zombie, which found the same heads due, tries none of them."""
    customs = Customs(calls_go={CAR: [Fault("not yet")] * 1000})

    async def scenario() -> None:
        records = [declaration(CAR, offset, licence=f"26-AA-10000{offset}") for offset in range(3)]
        async with ground.site(features, customs) as where:
            async with where.working(slot="0") as zombie:
                for record in records:
                    await zombie.deliveries.handle(record, None)
                await zombie.parked_as("parked", 3)
                thaw = await _frozen(zombie)
                async with where.working(slot="1", generation=2) as new:
                    customs.calls_go.clear()
                    thaw()
                    await new.nothing_parked()
                    assert not zombie.death.reached.is_set()
                    assert [key for _, key in customs.effects] == [record.id for record in records]
            assert len(where.heard("export.released")) == 3

    asyncio.run(scenario())


async def _frozen(worker: Worker) -> Callable[[], None]:
    """Have a worker try nothing until it is thawed by what is given back; from then on a call of it would be known."""
    mine, heads = worker.deliveries.attempts.mine, worker.deliveries.heads
    held = set(mine)
    mine.clear()
    await heads.stop()

    def thaw() -> None:
        worker.death.moment = "before the call"
        mine.update(held)
        heads.look()

    return thaw


def test_workers_that_come_and_go_double_lose_and_reorder_nothing(kafka: str, ground: Ground, tmp_path: Path) -> None:
    """With heads parked and calls under way one worker joins, one leaves and one dies; the agency knows no keys."""
    group, cars = f"dispatch.{tmp_path.name}", [vin(number) for number in range(16)]
    customs = Customs(calls_go={car: [Fault("not yet")] * 1000 for car in cars})
    topic = f"{group}.commands"
    lane = Lane(group, (topic,), kafka, at_once=16, session_s=SESSION_S)

    async def scenario() -> None:
        sent = await _filled(kafka, topic, cars)
        async with ground.site(Features.QUERYABLE, customs) as where, AsyncExitStack() as stays:
            async with AsyncExitStack() as dies:
                await dies.enter_async_context(where.working(slot="0", lane=lane))
                async with where.working(slot="1", lane=lane) as leaves:
                    last = await stays.enter_async_context(where.working(slot="2", lane=lane))
                    await last.parked_as("parked", len(cars))
                    assert leaves.lanes is not None
                    await leaves.lanes.stop()
                customs.calls_go.clear()
                await until(lambda: bool(customs.effects))
            everything = sum(map(len, sent.values()))
            await until(lambda: len(where.heard("export.released")) == everything, seconds=60)
            await last.nothing_parked()
        for car in cars:
            assert [key for one, key in customs.effects if one == car] == [record.id for record in sent[car]]

    asyncio.run(scenario())


async def _filled(kafka: str, topic: str, cars: list[str]) -> dict[str, list[Record]]:
    """Three commands a car, on a topic of four partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 4, 1)])
    await admin.close()
    sent: dict[str, list[Record]] = {car: [] for car in cars}
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for turn in range(3):
            for car in cars:
                record = declaration(car, turn, licence=f"26-AA-10000{turn}")
                await producer.send_and_wait(topic, record.value, key=car.encode(), headers=list(record.headers))
                sent[car].append(record)
    return sent


# -- deadlines


def test_what_is_held_past_its_deadline_is_dead_and_somebodys(ground: Ground) -> None:
    """It waits for an organisation that is down: dead with class, reason and owner, told, and called no more."""
    customs = Customs()

    async def scenario() -> None:
        async with ground.site(Features.IDEMPOTENT, customs) as where, where.working() as worker:
            worker.deliveries.breaker.failed("unavailable: status 503", pause_s=60)
            assert worker.deliveries.breaker.state is State.OPEN
            record = declaration(CAR, age=NEARLY)
            await worker.deliveries.handle(record, None)
            (row,) = await worker.parked_as("dead")
            assert (row.failure, row.reason) == ("deadline", "unavailable: status 503")
            await until(lambda: bool(where.letters()))
            (letter,) = where.letters()
            assert (letter.delivery_id, letter.failure, letter.owner) == (record.id, "deadline", "operator")
            assert letter.reason == "unavailable: status 503"
        assert customs.calls == []

    asyncio.run(scenario())


def test_a_parked_head_that_is_held_past_its_deadline_is_dead_too(ground: Ground) -> None:
    """What stands behind it stays parked until somebody decides."""
    customs = Customs(calls_go={CAR: [Fault("not yet")] * 1000})

    async def scenario() -> None:
        async with ground.site(Features.IDEMPOTENT, customs) as where, where.working() as worker:
            hasty = replace(ADAPTERS["customs"], retry=RetryPolicy(in_place_for=timedelta()))
            ground.monkeypatch.setitem(ADAPTERS, "customs", hasty)
            record, following = declaration(CAR, 0, age=NEARLY), declaration(CAR, 1)
            await worker.deliveries.handle(record, None)
            await worker.deliveries.handle(following, None)
            worker.deliveries.breaker.failed("unavailable: no connection", pause_s=60)
            (row,) = await worker.parked_as("dead")
            assert (row.record.id, row.failure) == (record.id, "deadline")
            assert row.reason == "unavailable: no connection"
            assert [one.state for one in await worker.parked()] == ["dead", "parked"]
            await until(lambda: bool(where.letters()))

    asyncio.run(scenario())


# -- what the agency bears


def test_all_workers_together_make_no_more_calls_at_once_than_it_bears(ground: Ground) -> None:
    """It bears a single call; two workers have much to say, and each gets to say it."""
    customs = Counting()
    cars = [vin(number) for number in range(6)]

    async def scenario() -> None:
        async with _two(ground, customs, Limits(concurrency=1), timedelta(seconds=0.25)) as (where, workers):
            gates = customs.gates = [one.deliveries.attempts.gate for one in workers]
            calling = _at_both(workers, cars)
            await until(lambda: sum(gate.running + gate.waiting for gate in gates) == len(cars))
            assert sum(gate.running for gate in gates) <= 1
            customs.finish.set()
            await asyncio.gather(*calling)
            await until(lambda: len(where.heard("export.released")) == len(cars))
        assert max(customs.at_once) == 1

    asyncio.run(scenario())


def test_all_workers_together_call_no_more_often_than_it_wants(ground: Ground) -> None:
    """Ten calls a second it wants: five from each of two workers."""
    customs = Customs()
    cars = [vin(number) for number in range(12)]

    async def scenario() -> None:
        async with _two(ground, customs, Limits(per_second=10.0)) as (_, workers):
            began = time.monotonic()
            await asyncio.gather(*_at_both(workers, cars))
        # Who has six to make at five a second begins the last after a second; the gate's timers may be so early.
        assert max(customs.at) - began >= 5 / 5.0 - 0.05

    asyncio.run(scenario())


@dataclass
class Counting(Slow):
    """It notes how many calls its callers have under way, whenever one comes."""

    gates: list[Gate] = field(default_factory=list)
    at_once: set[int] = field(default_factory=set)

    async def declare(self, request: web.Request) -> web.StreamResponse:
        """Count, then go on."""
        self.at_once.add(sum(gate.running for gate in self.gates))
        return await Slow.declare(self, request)


@asynccontextmanager
async def _two(
    ground: Ground, customs: Customs, limits: Limits, patience: timedelta = timedelta(seconds=1.5)
) -> AsyncIterator[tuple[Site, list[Worker]]]:
    """Two workers that have one partition each."""
    async with ground.site(Features.IDEMPOTENT, customs) as where:
        ground.monkeypatch.setitem(ADAPTERS, "customs", quick(Features.IDEMPOTENT, patience=patience, limits=limits))
        # Turns are as long as that patience: here it ends calls by the clock.
        where.silence = None
        async with (
            where.working(slot="0", partitions=[0]) as one,
            where.working(slot="1", partitions=[1]) as other,
        ):
            yield where, [one, other]


def _at_both(workers: list[Worker], cars: list[str]) -> list[asyncio.Task[None]]:
    """Every second car is the second worker's."""
    return [_under_way(workers[turn % 2], declaration(car, partition=turn % 2)) for turn, car in enumerate(cars)]
