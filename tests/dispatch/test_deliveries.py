"""Deliveries on a real Kafka against an agency that misbehaves: each command once, in its vehicle's order."""

from __future__ import annotations

import asyncio
import traceback
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from adapters.organisations import ORGANISATIONS
from adapters.police import ADAPTER
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Features, RetryPolicy
from contracts.envelope import message
from contracts.police import PlateReleaseV1
from services.dispatch.calls import Agency
from services.dispatch.deliveries import Deliveries
from services.dispatch.voice import Voice
from services.runtime import parking
from services.runtime.breaker import Breaker, State
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.ids import new_id
from services.runtime.lanes import Lane, Lanes
from services.runtime.outbox import Relay
from services.runtime.owner import Fence
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Record, outgoing, read
from services.runtime.settings import Settings
from services.runtime.store import Store

VINS = ("LZZTEST05TA000001", "LZZTEST0XTA000009")
QUICK = replace(
    ADAPTER,
    retry=RetryPolicy(in_place_for=timedelta(milliseconds=300), first=timedelta(milliseconds=30)),
)

Answer = Callable[["Police", str, int], tuple[int, Any] | None]


@dataclass
class Police:
    """An agency with its own ledger; `answer` decides, by idempotency key and try, what it says."""

    answer: Answer | None = None
    effects: list[tuple[str, str]] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        key, body = request.headers["Idempotency-Key"], await request.json()
        self.tries[key] = self.tries.get(key, 0) + 1
        said = self.answer(self, key, self.tries[key]) if self.answer else None
        if said is None:
            self.act(body["clsbdh"], body["yllsh"])
            return web.json_response({"clsbdh": body["clsbdh"], "yllsh": body["yllsh"]})
        status, what = said
        if what == "act":
            self.act(body["clsbdh"], body["yllsh"])
        return web.json_response(what if isinstance(what, dict) else {}, status=status)

    def act(self, vin: str, number: str) -> None:
        if (vin, number) not in self.effects:
            self.effects.append((vin, number))

    def of(self, vin: str) -> list[str]:
        return [number for one, number in self.effects if one == vin]


@dataclass
class Bench:
    """One organisation's dispatch on a topic of its own, with everything real but the agency."""

    kafka: str
    folder: Path
    police: Police
    adapter: Adapter
    topic: str
    group: str
    store: Store
    producer: Producer
    deliveries: Deliveries
    lanes: Lanes
    sent: dict[str, str] = field(default_factory=dict)

    async def send(self, vin: str, number: str) -> str:
        """Put one command on the topic."""
        command = message(
            PlateReleaseV1(vin=vin, reservation_no=number, reason="test"),
            id=new_id(),
            source="urn:test",
            subject=f"case-{vin}",
            time=datetime.now(UTC),
        )
        await self.producer.send(outgoing(self.topic, vin, command))
        self.sent[number] = command.envelope.id
        return command.envelope.id

    async def parked(self, state: parking.State | None = None) -> list[parking.Parked]:
        return await self.store.read(lambda connection: parking.listed(connection, None, state, 100))

    async def heard(self, topic: str, kind: str) -> list[Any]:
        """The data of all messages of one contract that answer what this bench sent."""
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.kafka, auto_offset_reset="earliest")
        await consumer.start()
        places = consumer.assignment()
        ends = await consumer.end_offsets(list(places))
        raw: list[Any] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for batch in (await consumer.getmany(timeout_ms=100)).values():
                raw += batch
        await consumer.stop()
        said = [read(Record(one.topic, 0, 0, "", tuple(one.headers), one.value)) for one in raw]
        ids = set(self.sent.values())
        return [
            one.data
            for one in said
            if one.envelope.causationid in ids and one.envelope.type.startswith(f"tongche.{kind}.")
        ]


@asynccontextmanager
async def bench(kafka: str, folder: Path, police: Police, adapter: Adapter = QUICK) -> AsyncIterator[Bench]:
    """A running dispatch; leaving it stops it as a deployment would."""
    topic, group = f"police.{uuid.uuid4().hex}.commands", f"dispatch.{uuid.uuid4().hex}"
    await _topics(kafka, [topic, "police.events", "police.dead", "delivery.events", f"{topic}.poison"])
    async with _served(police) as url, running(kafka, folder, police, adapter, topic, group, url) as one:
        yield one


@asynccontextmanager
async def running(
    kafka: str, folder: Path, police: Police, adapter: Adapter, topic: str, group: str, url: str
) -> AsyncIterator[Bench]:
    store = open_store(Settings(data=folder), "dispatch")
    store.start()
    producer = Producer(kafka, "test")
    relay = Relay(store, producer)
    store.on_commit = relay.told
    await relay.load()
    async with aiohttp.ClientSession() as http:
        agency = Agency(ORGANISATIONS["police"], url, http)
        deliveries = Deliveries(
            agency,
            Voice(ORGANISATIONS["police"], Clock(), new_id),
            store,
            producer,
            Fence(store, "dispatch.police", "0"),
            Breaker("police"),
            pauses_s=(0.2, 0.4),
        )
        lanes = Lanes(Lane(group, (topic,), kafka, at_once=16), deliveries)
        tasks = [
            asyncio.create_task(run()) for run in (lanes.run, relay.run, deliveries.fence.renew, deliveries.try_parked)
        ]
        for task in tasks:
            task.add_done_callback(_told)
        try:
            yield Bench(kafka, folder, police, adapter, topic, group, store, producer, deliveries, lanes)
            assert not [task for task in tasks if task.done()], [task.exception() for task in tasks if task.done()]
        finally:
            await lanes.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await producer.stop()
            await store.stop()


def _told(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        traceback.print_exception(task.exception())


@asynccontextmanager
async def _served(police: Police) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/{tail:.*}", police.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def _topics(kafka: str, names: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1) for name in names])
    await admin.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ADAPTERS, "police", QUICK)


def test_commands_of_one_vehicle_arrive_once_and_in_order(kafka: str, tmp_path: Path, until: Any) -> None:
    """The agency's ledger has each effect once, the broker hears an answer and a settled delivery for each."""

    async def play() -> None:
        async with bench(kafka, tmp_path, Police()) as one:
            for number in range(10):
                for vin in VINS:
                    await one.send(vin, f"{vin[-1]}R{number}")
            await until(lambda: len(one.police.effects) == 20)
            for vin in VINS:
                assert one.police.of(vin) == [f"{vin[-1]}R{number}" for number in range(10)]
            await one.lanes.stop()
            answers = await one.heard("police.events", "plate.released")
            fates = await one.heard("delivery.events", "delivery.changed")
            assert len(answers) == 20
            assert [fate.state for fate in fates] == ["settled"] * 20

    asyncio.run(play())


def test_a_failing_command_parks_and_holds_back_only_its_own_vehicle(kafka: str, tmp_path: Path, until: Any) -> None:
    """The others go on; when it succeeds at last, what stood behind it follows in order."""

    async def play() -> None:
        healed = asyncio.Event()
        stubborn: list[str] = []

        def answer(_: Police, key: str, __: int) -> tuple[int, Any] | None:
            return (404, {"cwdm": "JG404"}) if key in stubborn and not healed.is_set() else None

        async with bench(kafka, tmp_path, Police(answer)) as one:
            stubborn.append(await one.send(VINS[0], "R0"))
            await one.send(VINS[0], "R1")
            await one.send(VINS[1], "S0")
            await until(lambda: one.police.of(VINS[1]) == ["S0"])
            rows: list[parking.Parked] = []
            while len(rows) < 2:
                rows = await one.parked()
                await asyncio.sleep(0.02)
            assert one.police.of(VINS[0]) == []
            assert rows[0].failure == "not-yet"
            healed.set()
            await until(lambda: one.police.of(VINS[0]) == ["R0", "R1"])
            while await one.parked():
                await asyncio.sleep(0.02)
            states = [fate.state for fate in await one.heard("delivery.events", "delivery.changed")]
            assert "parked" in states
            assert states.count("settled") == 3

    asyncio.run(play())


def test_an_organisation_that_is_down_holds_everything_and_parks_nothing(
    kafka: str, tmp_path: Path, until: Any
) -> None:
    """Kafka keeps the backlog; one probe finds it healed; all arrives in order."""

    async def play() -> None:
        down = True

        def answer(*_: Any) -> tuple[int, Any] | None:
            return (503, {"cwdm": "JG503"}) if down else None

        async with bench(kafka, tmp_path, Police(answer)) as one:
            for number in range(30):
                await one.send(VINS[number % 2], f"R{number:02}")
            await until(lambda: one.deliveries.breaker.state is State.OPEN)
            assert await one.lanes.backlog() == 30
            assert await one.parked() == []
            down = False
            await until(lambda: len(one.police.effects) == 30)
            assert one.police.of(VINS[0]) == sorted(one.police.of(VINS[0]))
            assert max(one.police.tries.values()) < 20

    asyncio.run(play())


def test_a_refusal_is_an_answer(kafka: str, tmp_path: Path, until: Any) -> None:
    """The journey hears the code; the delivery is refused, not retried."""

    async def play() -> None:
        async with bench(kafka, tmp_path, Police(lambda *_: (409, {"cwdm": "JG423"}))) as one:
            await one.send(VINS[0], "R0")
            await until(lambda: len(one.police.tries) == 1)
            await one.lanes.stop()
            (refusal,) = await one.heard("police.events", "agency.refused")
            assert (refusal.code, refusal.command) == ("P423", "plate.release")
            assert list(one.police.tries.values()) == [1]

    asyncio.run(play())


def test_a_lost_answer_is_asked_for_again_under_the_same_key(kafka: str, tmp_path: Path, until: Any) -> None:
    """The effect happened, the answer did not come: an idempotent agency gives it on the second try."""

    async def play() -> None:
        def answer(_: Police, __: str, tries: int) -> tuple[int, Any] | None:
            return (500, "act") if tries == 1 else None

        async with bench(kafka, tmp_path, Police(answer)) as one:
            await one.send(VINS[0], "R0")
            await until(lambda: list(one.police.tries.values()) == [2])
            await one.lanes.stop()
            assert one.police.of(VINS[0]) == ["R0"]
            assert len(await one.heard("police.events", "plate.released")) == 1

    asyncio.run(play())


def test_a_blind_agency_is_never_asked_twice(kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ambiguous result goes to a person at once: dead, with an owner, and what follows waits."""
    monkeypatch.setitem(ADAPTERS, "police", replace(QUICK, features=Features.BLIND))

    async def play() -> None:
        async with bench(kafka, tmp_path, Police(lambda *_: (500, "act"))) as one:
            await one.send(VINS[0], "R0")
            while not await one.parked("dead"):
                await asyncio.sleep(0.02)
            await one.send(VINS[0], "R1")
            while len(await one.parked()) < 2:
                await asyncio.sleep(0.02)
            assert list(one.police.tries.values()) == [1]
            heard: list[Any] = []
            while not heard:
                heard = await one.heard("police.dead", "delivery.changed")
            assert (heard[0].failure, heard[0].owner) == ("person", "operator")

    asyncio.run(play())


def test_a_person_decides_what_is_dead(kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Any) -> None:
    """Cancelling the head lets what stands behind it go on; retrying tries it again under its own key."""
    monkeypatch.setitem(ADAPTERS, "police", replace(QUICK, features=Features.BLIND))

    async def play() -> None:
        broken = True

        def answer(*_: Any) -> tuple[int, Any] | None:
            return (500, None) if broken else None

        async with bench(kafka, tmp_path, Police(answer)) as one:
            first = await one.send(VINS[0], "R0")
            second = await one.send(VINS[1], "S0")
            while len(await one.parked("dead")) < 2:
                await asyncio.sleep(0.02)
            await one.send(VINS[0], "R1")
            while len(await one.parked()) < 3:
                await asyncio.sleep(0.02)
            broken = False
            assert await one.deliveries.cancel(first, "the owner asked at the desk")
            await until(lambda: one.police.of(VINS[0]) == ["R1"])
            assert await one.deliveries.retry(second, "the police found nothing")
            await until(lambda: one.police.of(VINS[1]) == ["S0"])
            assert not await one.deliveries.cancel("no-such-delivery", "why not")

    asyncio.run(play())


def test_bytes_that_are_no_command_go_to_the_poison_topic_raw(kafka: str, tmp_path: Path, until: Any) -> None:
    """And the lane goes on with the next."""

    async def play() -> None:
        async with bench(kafka, tmp_path, Police()) as one:
            await one.producer.send(Outgoing("x", one.topic, VINS[0], (("ce_id", b"\xff"),), b"\x00not json"))
            await one.send(VINS[0], "R0")
            await until(lambda: one.police.of(VINS[0]) == ["R0"])
            consumer = AIOKafkaConsumer(f"{one.topic}.poison", bootstrap_servers=kafka, auto_offset_reset="earliest")
            await consumer.start()
            raw = await consumer.getone()
            await consumer.stop()
            assert raw.value == b"\x00not json"
            assert dict(raw.headers)["tongche_poison_reason"] == b"header-not-utf8"

    asyncio.run(play())


def test_a_worker_that_dies_at_any_moment_doubles_and_loses_nothing(kafka: str, tmp_path: Path, until: Any) -> None:
    """Killed again and again under load: the agency's ledger has each effect once and in order."""

    async def play() -> None:
        police, topic, group = Police(), f"police.{uuid.uuid4().hex}.commands", f"dispatch.{uuid.uuid4().hex}"
        await _topics(kafka, [topic, f"{topic}.poison"])
        async with _served(police) as url:
            async with running(kafka, tmp_path, police, QUICK, topic, group, url) as first:
                for number in range(40):
                    for vin in VINS:
                        await first.send(vin, f"{vin[-1]}R{number:02}")
            for effects in (20, 40, 60, 80):
                await _until_killed(kafka, tmp_path, police, topic, group, url, effects, until)
            for vin in VINS:
                assert police.of(vin) == [f"{vin[-1]}R{number:02}" for number in range(40)]

    asyncio.run(play())


async def _until_killed(
    kafka: str, folder: Path, police: Police, topic: str, group: str, url: str, effects: int, until: Any
) -> None:
    """Run a worker until the agency has so many effects, then drop it without a stop, as a crash does."""
    store = open_store(Settings(data=folder), "dispatch")
    store.start()
    producer = Producer(kafka, "test")
    async with aiohttp.ClientSession() as http:
        deliveries = Deliveries(
            Agency(ORGANISATIONS["police"], url, http),
            Voice(ORGANISATIONS["police"], Clock(), new_id),
            store,
            producer,
            Fence(store, "dispatch.police", "0"),
            Breaker("police"),
        )
        lanes = Lanes(Lane(group, (topic,), kafka, at_once=4), deliveries)
        task = asyncio.create_task(lanes.run())
        await until(lambda: len(police.effects) >= effects)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await producer.stop()
        await store.stop()
