"""Deliveries on a real Kafka against an agency that misbehaves: each command once, in its vehicle's order."""

from __future__ import annotations

import asyncio
import time
import traceback
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from adapters.organisations import ORGANISATIONS
from adapters.police import ADAPTER
from adapters.registry import ADAPTERS
from adapters.spec import Endpoint, Features, Letter, RetryPolicy
from contracts.contract import Contract
from contracts.envelope import Message, message
from contracts.police import PlateReleaseV1
from services.dispatch.attempts import PARK_FOR_S, Attempts
from services.dispatch.book import Book
from services.dispatch.calls import Agency
from services.dispatch.carriers.carrier import Brought
from services.dispatch.carriers.http import Http
from services.dispatch.deliveries import Deliveries
from services.dispatch.desk.decisions import CannotDecide, Decisions
from services.dispatch.voice import Voice
from services.runtime import parking
from services.runtime.breaker import Breaker, State
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.gate import Gate
from services.runtime.ids import new_id
from services.runtime.lanes import Gone, Lane, Lanes
from services.runtime.outbox import Relay
from services.runtime.owner import Fence
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Record, outgoing, read
from services.runtime.settings import Settings
from services.runtime.store import Store
from tests.dispatch.agency import listening
from tests.envelopes import heard, said

PARTITIONS = 2
VINS = ("LZZTEST05TA000001", "LZZTEST0XTA000009")
QUICK = replace(
    ADAPTER,
    retry=RetryPolicy(in_place_for=timedelta(milliseconds=300), first=timedelta(milliseconds=30)),
)

LASTING = replace(QUICK, retry=replace(QUICK.retry, in_place_for=timedelta(minutes=5)))
"""Where nothing may be parked, however slow the machine is."""
SHORT_S = 1.5
"""The patience with a call that is not answered."""

Answer = Callable[["Police", str, int], tuple[int, Any] | None]


@dataclass
class Police:
    """An agency with its own ledger; `answer` decides, by idempotency key and try, what it says."""

    answer: Answer | None = None
    effects: list[tuple[str, str]] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=dict)
    at: list[float] = field(default_factory=list)
    linger_s: float = 0.0
    hurried: bool = False
    """Whether little patience is spent until they have been called once."""
    busy: int = 0
    busiest: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        key, body = request.headers["Idempotency-Key"], heard(await request.read())
        self.tries[key] = self.tries.get(key, 0) + 1
        self.at.append(time.monotonic())
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await asyncio.sleep(self.linger_s)
            return await self._say(request, key, body)
        finally:
            self.busy -= 1

    async def _say(self, request: web.Request, key: str, body: dict[str, str]) -> web.StreamResponse:
        told = self.answer(self, key, self.tries[key]) if self.answer else None
        if told is None:
            self.act(body["clsbdh"], body["yllsh"])
            return web.Response(body=said(clsbdh=body["clsbdh"], yllsh=body["yllsh"]))
        status, what = told
        if what in ("act", "act and hang"):
            self.act(body["clsbdh"], body["yllsh"])
        if what in ("hang", "act and hang"):
            await asyncio.Event().wait()
        if what == "endless":
            return await _endless(request)
        if isinstance(what, bytes):
            return web.Response(body=what, status=status)
        if isinstance(what, Wait):
            told_so = said(**what.body) if what.body else b""
            return web.Response(body=told_so, status=status, headers={"Retry-After": str(what.seconds)})
        return web.Response(body=said(**what) if isinstance(what, dict) else b"", status=status)

    def act(self, vin: str, number: str) -> None:
        if (vin, number) not in self.effects:
            self.effects.append((vin, number))

    def of(self, vin: str) -> list[str]:
        return [number for one, number in self.effects if one == vin]


@dataclass(frozen=True, slots=True)
class Hurried(Http):
    """HTTP that spends little patience on who will not answer, and all that is needed on who will."""

    police: Police

    async def carry(self, endpoint: Endpoint, letter: Letter, key: str | None) -> Brought:
        """As `Http` does."""
        if self.police.hurried and not self.police.tries:
            endpoint = replace(endpoint, timeout=timedelta(seconds=SHORT_S))
        return await Http.carry(self, endpoint, letter, key)


@dataclass(frozen=True)
class Wait:
    """What stands in Retry-After, and the answer under it."""

    seconds: int
    body: dict[str, str] = field(default_factory=dict)


async def _endless(request: web.Request) -> web.StreamResponse:
    """Twenty megabytes, unless the caller hangs up."""
    stream = web.StreamResponse()
    await stream.prepare(request)
    for _ in range(320):
        await stream.write(b"[" * 65_536)
    return stream


@dataclass(frozen=True)
class Site:
    """Where a dispatch works: what stays when its process dies."""

    kafka: str
    settings: Settings
    police: Police
    url: str
    topic: str
    group: str


@dataclass
class Bench:
    """One organisation's dispatch on a topic of its own, with everything real but the agency."""

    kafka: str
    police: Police
    topic: str
    store: Store
    producer: Producer
    deliveries: Deliveries
    decisions: Decisions
    lanes: Lanes
    sent: dict[str, str] = field(default_factory=dict)

    async def send(self, vin: str, number: str, key: str | None = None, age: timedelta = timedelta()) -> str:
        """Put one command on the topic."""
        command = _release(vin, number, age)
        await self.producer.send(outgoing(self.topic, key or vin, command))
        self.sent[number] = command.envelope.id
        return command.envelope.id

    async def parked(self, state: parking.State | None = None) -> list[parking.Parked]:
        wanted = parking.Wanted(states=None if state is None else [state])
        rows = await self.store.read(lambda connection: parking.page(connection, wanted, None, 100))
        return sorted(rows, key=lambda row: (row.since, row.record.offset))

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


def _release(vin: str, number: str, age: timedelta = timedelta()) -> Message[Contract]:
    return message(
        PlateReleaseV1(vin=vin, reservation_no=number, reason="test"),
        id=new_id(),
        source="urn:test",
        subject=f"case-{vin}",
        time=datetime.now(UTC) - age,
    )


async def _parked_as(one: Bench, state: parking.State | None, count: int = 1) -> list[parking.Parked]:
    """Wait until so many rows are in a state."""
    async with asyncio.timeout(60):
        while len(rows := await one.parked(state)) < count:  # noqa: ASYNC110 - the store tells nobody of its rows
            await asyncio.sleep(0.02)
    return rows


async def _nothing_parked(one: Bench) -> None:
    async with asyncio.timeout(60):
        while await one.parked():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)


@asynccontextmanager
async def site(kafka: str, settings: Settings, police: Police) -> AsyncIterator[Site]:
    """Topics of its own and the agency's server."""
    topic, group = f"police.{uuid.uuid4().hex}.commands", f"dispatch.{uuid.uuid4().hex}"
    await _topics(kafka, [topic, "police.events", "police.dead", "delivery.events", f"{topic}.poison"])
    async with _served(police) as url:
        yield Site(kafka, settings, police, url, topic, group)


@asynccontextmanager
async def bench(kafka: str, settings: Settings, police: Police) -> AsyncIterator[Bench]:
    """A running dispatch; leaving it stops it as a deployment would."""
    async with site(kafka, settings, police) as where, running(where) as one:
        yield one


@asynccontextmanager
async def running(where: Site) -> AsyncIterator[Bench]:
    """One process of it."""
    store = open_store(where.settings, "dispatch")
    store.start()
    producer = Producer(where.kafka, "test")
    relay = Relay(store, producer)
    store.on_commit = relay.told
    await relay.load()
    async with aiohttp.ClientSession() as http:
        agency = Agency(ORGANISATIONS["police"], Hurried(where.url, "police", http, where.police))
        deliveries = delivering(agency, store, producer, pauses_s=(0.2, 0.4))
        voice, clock = deliveries.attempts.voice, deliveries.attempts.clock
        decisions = Decisions(agency, voice, store, clock, deliveries.book.consumer)
        lanes = Lanes(Lane(where.group, (where.topic,), where.kafka, at_once=16), deliveries)
        runs = (lanes.run, relay.run, deliveries.book.fence.renew, deliveries.heads.run)
        tasks = [asyncio.create_task(run()) for run in runs]
        for task in tasks:
            task.add_done_callback(_told)
        try:
            yield Bench(where.kafka, where.police, where.topic, store, producer, deliveries, decisions, lanes)
            assert not [task for task in tasks if task.done()], [task.exception() for task in tasks if task.done()]
        finally:
            await lanes.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await producer.stop()
            await store.stop()


def delivering(agency: Agency, store: Store, producer: Producer, pauses_s: Sequence[float] = PARK_FOR_S) -> Deliveries:
    """The work of one organisation's lanes, as the service puts it together."""
    adapter, clock = agency.adapter, Clock()
    voice = Voice(agency.organisation, clock, new_id)
    book = Book(store, Fence(store, f"dispatch.{agency.organisation.id}", "0"), adapter.features)
    gate = Gate(Breaker(agency.organisation.id), adapter.limits.concurrency, adapter.limits.per_second)
    return Deliveries(Attempts(agency, voice, book, gate, clock, pauses_s, PARTITIONS), producer)


def _told(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        traceback.print_exception(task.exception())


@asynccontextmanager
async def _served(police: Police) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/{tail:.*}", police.handle)
    async with listening(app) as url:
        yield url


async def _topics(kafka: str, names: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    await admin.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ADAPTERS, "police", QUICK)


def test_commands_of_one_vehicle_arrive_once_and_in_order(kafka: str, settings: Settings, until: Any) -> None:
    """The agency's ledger has each effect once, the broker hears an answer and a settled delivery for each."""

    async def play() -> None:
        async with bench(kafka, settings, Police()) as one:
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


def test_a_failing_command_parks_and_holds_back_only_its_own_vehicle(
    kafka: str, settings: Settings, until: Any
) -> None:
    """The others go on; when it succeeds at last, what stood behind it follows in order."""

    async def play() -> None:
        healed = asyncio.Event()
        stubborn: list[str] = []

        def answer(_: Police, key: str, __: int) -> tuple[int, Any] | None:
            return (200, {"code": "-1404"}) if key in stubborn and not healed.is_set() else None

        async with bench(kafka, settings, Police(answer)) as one:
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
            await _nothing_parked(one)
            states = [fate.state for fate in await one.heard("delivery.events", "delivery.changed")]
            assert "parked" in states
            assert states.count("settled") == 3

    asyncio.run(play())


def test_an_organisation_that_is_down_holds_everything_and_parks_nothing(
    kafka: str, settings: Settings, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka keeps the backlog; one probe finds it healed; all arrives in order."""
    monkeypatch.setitem(ADAPTERS, "police", LASTING)

    async def play() -> None:
        down = True

        def answer(*_: Any) -> tuple[int, Any] | None:
            return (503, {"code": "-1503"}) if down else None

        async with bench(kafka, settings, Police(answer)) as one:
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


def test_a_refusal_is_an_answer(kafka: str, settings: Settings, until: Any) -> None:
    """The journey hears the code; the delivery is refused, not retried."""

    async def play() -> None:
        async with bench(kafka, settings, Police(lambda *_: (200, {"code": "-1423"}))) as one:
            await one.send(VINS[0], "R0")
            await until(lambda: len(one.police.tries) == 1)
            await one.lanes.stop()
            (refusal,) = await one.heard("police.events", "agency.refused")
            assert (refusal.code, refusal.command) == ("P423", "plate.release")
            assert list(one.police.tries.values()) == [1]

    asyncio.run(play())


def test_a_lost_answer_is_asked_for_again_under_the_same_key(kafka: str, settings: Settings, until: Any) -> None:
    """The effect happened, the answer did not come: an idempotent agency gives it on the second try."""

    async def play() -> None:
        def answer(_: Police, __: str, tries: int) -> tuple[int, Any] | None:
            return (500, "act") if tries == 1 else None

        async with bench(kafka, settings, Police(answer)) as one:
            await one.send(VINS[0], "R0")
            await until(lambda: list(one.police.tries.values()) == [2])
            await one.lanes.stop()
            assert one.police.of(VINS[0]) == ["R0"]
            assert len(await one.heard("police.events", "plate.released")) == 1

    asyncio.run(play())


def test_a_blind_agency_is_never_asked_twice(kafka: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ambiguous result goes to a person at once: dead, with an owner, and what follows waits."""
    monkeypatch.setitem(ADAPTERS, "police", replace(QUICK, features=Features.BLIND))

    async def play() -> None:
        async with bench(kafka, settings, Police(lambda *_: (500, "act"))) as one:
            await one.send(VINS[0], "R0")
            await _parked_as(one, "dead")
            await one.send(VINS[0], "R1")
            await _parked_as(one, None, 2)
            assert list(one.police.tries.values()) == [1]
            heard: list[Any] = []
            while not heard:
                heard = await one.heard("police.dead", "delivery.changed")
            assert (heard[0].failure, heard[0].owner) == ("person", "operator")

    asyncio.run(play())


def test_a_person_decides_what_is_dead(
    kafka: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    """Cancelling the head lets what stands behind it go on; retrying tries it again under its own key."""
    monkeypatch.setitem(ADAPTERS, "police", replace(QUICK, features=Features.BLIND))

    async def play() -> None:
        broken = True

        def answer(*_: Any) -> tuple[int, Any] | None:
            return (500, None) if broken else None

        async with bench(kafka, settings, Police(answer)) as one:
            first = await one.send(VINS[0], "R0")
            second = await one.send(VINS[1], "S0")
            await _parked_as(one, "dead", 2)
            await one.send(VINS[0], "R1")
            await _parked_as(one, None, 3)
            broken = False
            await one.decisions.cancel(first, "the owner asked at the desk")
            await until(lambda: one.police.of(VINS[0]) == ["R1"])
            await one.decisions.retry(second, "the police found nothing")
            await until(lambda: one.police.of(VINS[1]) == ["S0"])
            with pytest.raises(CannotDecide, match="unknown"):
                await one.decisions.cancel("no-such-delivery", "why not")

    asyncio.run(play())


def test_bytes_that_are_no_command_go_to_the_poison_topic_raw(kafka: str, settings: Settings, until: Any) -> None:
    """And the lane goes on with the next."""

    async def play() -> None:
        async with bench(kafka, settings, Police()) as one:
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


def test_a_worker_that_dies_at_any_moment_doubles_and_loses_nothing(kafka: str, settings: Settings, until: Any) -> None:
    """Killed again and again under load: the agency's ledger has each effect once and in order."""

    async def play() -> None:
        police = Police()
        async with site(kafka, settings, police) as where:
            async with running(where) as first:
                for number in range(40):
                    for vin in VINS:
                        await first.send(vin, f"{vin[-1]}R{number:02}")
            for effects in (20, 40, 60, 80):
                await _until_killed(where, effects, until)
            for vin in VINS:
                assert police.of(vin) == [f"{vin[-1]}R{number:02}" for number in range(40)]

    asyncio.run(play())


async def _until_killed(where: Site, effects: int, until: Any) -> None:
    """Run a worker until the agency has so many effects, then drop it without a stop, as a crash does."""
    store = open_store(where.settings, "dispatch")
    store.start()
    producer = Producer(where.kafka, "test")
    async with aiohttp.ClientSession() as http:
        deliveries = delivering(Agency(ORGANISATIONS["police"], Http(where.url, "police", http)), store, producer)
        lanes = Lanes(Lane(where.group, (where.topic,), where.kafka, at_once=4), deliveries)
        # What has waited for longer than a lease lasts goes on because that is renewed.
        tasks = [asyncio.create_task(run()) for run in (lanes.run, deliveries.book.fence.renew)]
        await until(lambda: len(where.police.effects) >= effects)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await producer.stop()
        await store.stop()


@pytest.mark.parametrize(
    ("status", "what", "reason"),
    [
        (200, b"<html>maintenance</html>", "not-an-object"),
        (200, said(clsbdh="@").replace(b"@", b"&lt;a&gt;7&lt;/a&gt;"), "field:clsbdh"),
        (200, "endless", "too-large"),
        (418, b"\xff\xfe", "unknown-refusal"),
    ],
    ids=["garbage", "another-shape", "endless", "no-code-of-theirs"],
)
def test_a_broken_answer_is_parked_as_one(  # noqa: PLR0913, PLR0917 - three of them are the fixtures
    kafka: str, settings: Settings, until: Any, status: int, what: Any, reason: str
) -> None:
    """Never taken for a yes or a no; the next vehicle is served meanwhile."""

    async def play() -> None:
        def answer(police: Police, key: str, _: int) -> tuple[int, Any] | None:
            return (status, what) if key == next(iter(police.tries)) else None

        async with bench(kafka, settings, Police(answer)) as one:
            await one.send(VINS[0], "R0")
            (row,) = await _parked_as(one, "parked")
            assert (row.failure, row.reason) == ("broken-answer", reason)
            await one.send(VINS[1], "S0")
            await until(lambda: one.police.of(VINS[1]) == ["S0"])
            assert one.police.of(VINS[0]) == []

    asyncio.run(play())


def test_what_is_parked_survives_a_restart_in_its_order(kafka: str, settings: Settings, until: Any) -> None:
    """A new process tries the head first, then what stands behind it, each once."""

    async def play() -> None:
        wants = False
        police = Police(lambda *_: None if wants else (200, {"code": "-1404"}))
        async with site(kafka, settings, police) as where:
            async with running(where) as one:
                for number in range(4):
                    await one.send(VINS[0], f"R{number}")
                await _parked_as(one, "parked", 4)
                await one.lanes.stop()
            wants = True
            async with running(where) as one:
                await until(lambda: len(police.effects) == 4)
                await _nothing_parked(one)
        assert police.of(VINS[0]) == ["R0", "R1", "R2", "R3"]

    asyncio.run(play())


def test_an_answered_row_is_only_said_again(kafka: str, settings: Settings, until: Any) -> None:
    """The process died between saying and letting go: the agency is not asked, the same ids go out."""

    async def play() -> None:
        async with bench(kafka, settings, Police()) as one:
            await one.send(VINS[1], "warm")
            await until(lambda: bool(one.deliveries.attempts.mine))
            place = next(iter(one.deliveries.attempts.mine))
            said = Outgoing("said-again", "police.events", VINS[0], (("ce_id", b"said-again"),), b"{}")
            record = Record(place.topic, place.partition, 10**6, VINS[0], (("ce_id", b"answered"),), b"{}")
            row = parking.Parked(one.deliveries.book.consumer, record, state="answered", outputs=(said,))
            await one.store.run(lambda connection: parking.park(connection, row))
            one.deliveries.parked.keys.add(VINS[0])
            await _nothing_parked(one)
            assert "answered" not in one.police.tries

    asyncio.run(play())


def test_past_its_deadline_a_command_is_dead_and_has_an_owner(kafka: str, settings: Settings) -> None:
    """It is not called any more, and told on `<organisation>.dead`; what stands behind it stays parked."""

    async def play() -> None:
        async with bench(kafka, settings, Police(lambda *_: (200, {"code": "-1404"}))) as one:
            await one.send(VINS[0], "R0", age=timedelta(days=30))
            (row,) = await _parked_as(one, "dead")
            await one.send(VINS[0], "R1")
            await _parked_as(one, "parked")
            heard: list[Any] = []
            while not heard:
                heard = await one.heard("police.dead", "delivery.changed")
            assert (heard[0].failure, heard[0].owner, heard[0].state) == ("deadline", "operator", "dead")
            assert heard[0].asked_at == read(row.record).envelope.time
            assert row.reason == "never called"
            assert one.police.tries == {}

    asyncio.run(play())


def test_retry_after_holds_the_whole_organisation(
    kafka: str, settings: Settings, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429: nobody calls before the pause is over, and then all goes through."""
    monkeypatch.setitem(ADAPTERS, "police", LASTING)

    async def play() -> None:
        def answer(police: Police, _: str, __: int) -> tuple[int, Any] | None:
            return (429, Wait(1)) if len(police.at) == 1 else None

        async with bench(kafka, settings, Police(answer)) as one:
            await one.send(VINS[0], "R0")
            await until(lambda: one.deliveries.breaker.state is State.OPEN)
            await one.send(VINS[1], "S0")
            await until(lambda: len(one.police.effects) == 2)
            assert one.police.at[1] - one.police.at[0] >= 0.95
            assert await one.parked() == []

    asyncio.run(play())


@pytest.mark.parametrize("what", ["hang", "act and hang"])
def test_a_hang_is_ambiguous_and_asked_again_under_the_same_key(
    kafka: str, settings: Settings, until: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whether it acted before it fell silent or not: one key, one effect."""
    monkeypatch.setitem(ADAPTERS, "police", LASTING)
    police = Police(lambda _, __, tries: (200, what) if tries == 1 else None, hurried=True)

    async def play() -> None:
        async with bench(kafka, settings, police) as one:
            id_ = await one.send(VINS[0], "R0")
            await until(lambda: one.police.tries.get(id_, 0) == 2)
            await one.lanes.stop()
            assert one.police.effects == [(VINS[0], "R0")]
            (settled,) = await one.heard("delivery.events", "delivery.changed")
            *before, last = [attempt.result for attempt in settled.attempts]
            # So short a patience may end before a busy machine has made the connection.
            assert (set(before) - {"unavailable"}, last) == ({"ambiguous"}, "answered")

    asyncio.run(play())


def test_no_more_calls_at_once_than_the_organisation_allows(
    kafka: str, settings: Settings, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many lanes have work."""
    monkeypatch.setitem(ADAPTERS, "police", replace(QUICK, limits=replace(QUICK.limits, concurrency=3)))

    async def play() -> None:
        async with bench(kafka, settings, Police(linger_s=0.02)) as one:
            await asyncio.gather(*(one.send(VINS[0], f"R{number}", key=f"key{number}") for number in range(40)))
            await until(lambda: len(one.police.effects) == 40)
            assert one.police.busiest == 3

    asyncio.run(play())


def test_a_call_that_a_crash_cut_off_is_not_made_again_blindly(
    kafka: str, settings: Settings, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died while the agency worked, and the agency would not know a second call: a person decides."""
    monkeypatch.setitem(ADAPTERS, "police", replace(QUICK, features=Features.BLIND))

    async def play() -> None:
        police = Police(lambda *_: (200, "act and hang"))
        async with site(kafka, settings, police) as where:
            async with running(where) as one:
                await one.send(VINS[0], "R0")
                await one.lanes.stop()
            await _until_killed(where, 1, until)
            async with running(where) as one:
                (row,) = await _parked_as(one, "dead")
                assert (row.failure, row.reason) == ("person", "a call was cut off")
        assert list(police.tries.values()) == [1]

    asyncio.run(play())


def test_a_head_that_was_cancelled_meanwhile_is_not_tried(kafka: str, settings: Settings, until: Any) -> None:
    """It was found due, then a person gave it up: what was found is not believed."""

    async def play() -> None:
        async with bench(kafka, settings, Police(lambda *_: (200, Wait(3600, {"code": "-1404"})))) as one:
            id_ = await one.send(VINS[0], "R0")
            (row,) = await _parked_as(one, "parked")
            tries = dict(one.police.tries)
            await one.decisions.cancel(id_, "the owner asked at the desk")
            await one.deliveries.heads._try(row)
            assert one.police.tries == tries
            assert await one.parked() == []

    asyncio.run(play())


def test_a_probe_whose_partition_goes_leaves_the_breaker_to_others(kafka: str, settings: Settings, until: Any) -> None:
    """It was let through and then found its lease gone: or everybody would wait for its result for ever."""

    async def play() -> None:
        async with bench(kafka, settings, Police()) as one:
            await one.send(VINS[0], "R0")
            await until(lambda: len(one.police.effects) == 1)
            deliveries = one.deliveries
            deliveries.breaker.failed("down", 0.0)
            fence = deliveries.book.fence
            epochs, fence._epochs = fence._epochs, {}
            envelope = outgoing("x", "y", _release(VINS[1], "S0"))
            place = next(iter(deliveries.attempts.mine))
            probe = Record(place.topic, place.partition, 10**6, VINS[1], envelope.headers, envelope.value)
            with pytest.raises(Gone):
                await deliveries.handle(probe, None)
            assert deliveries.breaker.state is State.OPEN
            fence._epochs = epochs
            await one.send(VINS[0], "R1")
            await until(lambda: len(one.police.effects) == 2)

    asyncio.run(play())


def test_a_head_whose_fence_is_gone_is_not_found_due_again(kafka: str, settings: Settings, until: Any) -> None:
    """Kafka has not yet said that the partition went: its heads are left alone, and so is the store."""

    async def play() -> None:
        async with bench(kafka, settings, Police(lambda *_: (200, {"code": "-1404"}))) as one:
            await one.send(VINS[0], "R0")
            (row,) = await _parked_as(one, "parked")
            one.deliveries.book.fence._epochs.clear()
            await until(lambda: row.record.place not in one.deliveries.attempts.mine)
            assert await one.deliveries.heads._due() == []

    asyncio.run(play())
