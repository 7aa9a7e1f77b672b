"""Lanes on a real Kafka: order for each key, no commit ahead of the work, nothing lost on a restart."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from services.runtime import commits, membership
from services.runtime import lanes as module
from services.runtime.consumer import KafkaConsumer, Member
from services.runtime.lanes import Gone, Lane, Lanes, Stuck
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Place, Record
from services.runtime.window import Tenure
from services.stack.ports import choose

PARTITIONS = 4
STILL_S = 0.2


@dataclass
class Notebook:
    """Work that only writes down what it saw."""

    seen: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    busy: set[str] = field(default_factory=set)
    overlaps: int = 0
    slow: float = 0.0

    async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        assert generation > 0
        return partitions

    async def recall(self, records: Sequence[Record]) -> Mapping[str, Any]:
        del records
        return {}

    async def handle(self, record: Record, known: Any | None) -> None:
        del known
        self.overlaps += record.key in self.busy
        self.busy.add(record.key)
        await asyncio.sleep(random.random() * self.slow)
        self.seen[record.key].append(int(record.value or b"0"))
        self.busy.discard(record.key)

    def leaving(self, partitions: Collection[Place]) -> None:
        del partitions

    async def revoked(self, partitions: Collection[Place]) -> None:
        del partitions

    def waits(self) -> bool:
        return False

    @property
    def total(self) -> int:
        return sum(map(len, self.seen.values()))


async def _topic(kafka: str) -> str:
    name = f"lanes.{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    await admin.close()
    return name


async def _feed(kafka: str, topic: str, keys: int, each: int, since: int = 0) -> None:
    producer = Producer(kafka, "test")
    await producer.start()
    messages = [
        Outgoing(f"{key}-{number}", topic, f"key{key}", (("ce_id", f"{key}-{number}".encode()),), str(number).encode())
        for number in range(since, since + each)
        for key in range(keys)
    ]
    await producer.send_all(messages)
    await producer.stop()


async def _committed(kafka: str, group: str, topic: str) -> int:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=group)
    await consumer.start()
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    offsets = [await consumer.committed(place) or 0 for place in places]
    await consumer.stop()
    return sum(offsets)


def test_each_key_is_in_order_and_many_are_at_work_at_once(kafka: str, until: Any) -> None:
    """Fifty keys, slow work: no key overtakes itself, and all is committed after a stop."""

    async def play() -> None:
        topic, group = await _topic(kafka), uuid.uuid4().hex
        await _feed(kafka, topic, keys=50, each=20)
        work = Notebook(slow=0.01)
        lanes = Lanes(Lane(group, (topic,), kafka, at_once=32, records=200), work)
        task = asyncio.create_task(lanes.run())
        await until(lambda: work.total == 1000)
        await until(lambda: sum(lanes.reached.values()) == 1000)
        await lanes.stop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert work.overlaps == 0
        assert all(numbers == list(range(20)) for numbers in work.seen.values())
        assert await _committed(kafka, group, topic) == 1000

    asyncio.run(play())


@dataclass(slots=True)
class Counting(KafkaConsumer):
    """Counts what was fetched, and how often it was asked for."""

    asked: int = 0
    fetched: int = 0

    async def fetch(self, most: int) -> Mapping[Place, list[Record]]:
        found = await KafkaConsumer.fetch(self, most)
        self.asked += 1
        self.fetched += sum(map(len, found.values()))
        return found


@dataclass
class Kept(Notebook):
    """Work that keeps one vehicle's record until it may go."""

    may_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, record: Record, known: Any | None) -> None:
        if record.key == "key0":
            await self.may_go.wait()
        await Notebook.handle(self, record, known)


def test_nothing_more_is_fetched_while_the_last_records_are_finished(kafka: str, until: Any) -> None:
    """What comes of a partition that is about to go would only be dropped, and cost those who finish their time."""
    made: list[Counting] = []

    def connect(lane: Lane, unreadable: Any) -> Counting:
        made.append(Counting(lane, unreadable))
        return made[0]

    async def play() -> None:
        topic = await _topic(kafka)
        await _feed(kafka, topic, keys=50, each=100)
        work = Kept()
        lanes = Lanes(Lane(uuid.uuid4().hex, (topic,), kafka, at_once=8, records=200), work, connect=connect)
        task = asyncio.create_task(lanes.run())
        await until(lambda: work.total > 100)
        before, asked = made[0].fetched, made[0].asked
        leaving = asyncio.create_task(lanes.stop())
        await until(lambda: made[0].asked > asked + 5)
        assert made[0].fetched - before <= 200
        work.may_go.set()
        await leaving
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())


@dataclass
class Keeper(Notebook):
    """Work that has something of its own to finish."""

    finished: list[Place] = field(default_factory=list)

    async def revoked(self, partitions: Collection[Place]) -> None:
        self.finished.extend(partitions)


def test_a_planned_stop_has_the_work_finish_its_own(kafka: str, until: Any) -> None:
    """As when partitions go to somebody else; a crash alone cuts it off."""

    async def play() -> None:
        topic = await _topic(kafka)
        await _feed(kafka, topic, keys=8, each=1)
        work = Keeper()
        lanes = Lanes(Lane(uuid.uuid4().hex, (topic,), kafka), work)
        task = asyncio.create_task(lanes.run())
        await until(lambda: work.total == 8)
        await lanes.stop()
        assert sorted(work.finished) == [Place(topic, number) for number in range(PARTITIONS)]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())


def test_a_process_that_dies_half_way_loses_nothing(kafka: str, until: Any) -> None:
    """What was not finished comes again to its successor, and each key stays in order."""

    async def play() -> None:
        topic, group = await _topic(kafka), uuid.uuid4().hex
        await _feed(kafka, topic, keys=20, each=30)
        first = Notebook(slow=0.02)
        dying = Lanes(Lane(group, (topic,), kafka, at_once=8), first)
        task = asyncio.create_task(dying.run())
        await until(lambda: first.total > 100)
        task.cancel()  # no stop, no drain: as a crash
        await asyncio.gather(task, return_exceptions=True)

        second = Notebook()
        lanes = Lanes(Lane(group, (topic,), kafka, at_once=8), second)
        successor = asyncio.create_task(lanes.run())
        everything = set(range(30))
        await until(
            lambda: all(set(first.seen[f"key{key}"]) | set(second.seen[f"key{key}"]) == everything for key in range(20))
        )
        await lanes.stop()
        successor.cancel()
        await asyncio.gather(successor, return_exceptions=True)
        assert all(numbers == sorted(numbers) for numbers in second.seen.values())

    asyncio.run(play())


def test_a_full_window_stops_fetching_and_goes_on_afterwards(
    kafka: str, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded by the window, not by the backlog; polling goes on, or the group would think it dead."""
    monkeypatch.setattr(module, "_BRIM_S", 0.0)

    async def play() -> None:
        topic, group = await _topic(kafka), uuid.uuid4().hex
        await _feed(kafka, topic, keys=100, each=10)
        gate = asyncio.Event()

        class Gated(Notebook):
            async def handle(self, record: Record, known: Any | None) -> None:
                await gate.wait()
                await super().handle(record, known)

        polled_full: list[int] = []

        class Watched(KafkaConsumer):
            async def fetch(self, most: int) -> Mapping[Place, list[Record]]:
                fetched = await super().fetch(most)
                if lanes.in_memory >= 50:
                    polled_full.append(sum(map(len, fetched.values())))
                return fetched

        work = Gated()
        lanes = Lanes(Lane(group, (topic,), kafka, at_once=4, records=50), work, connect=Watched)
        task = asyncio.create_task(lanes.run())
        await until(lambda: len(polled_full) == 5)
        held = lanes.in_memory
        gate.set()
        await until(lambda: work.total == 1000)
        await lanes.stop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert polled_full[:5] == [0] * 5
        assert held < 50 + 50 * PARTITIONS

    asyncio.run(play())


class Crumbling(KafkaConsumer):
    """What aiokafka is after a broker was away for long: it stops by the cancelling of a task of its own."""

    async def start(self, member: Member) -> None:
        del member

    def held(self) -> AbstractSet[Place]:
        return frozenset()

    async def fetch(self, most: int) -> Mapping[Place, list[Record]]:
        raise LookupError(most)

    async def stop(self) -> None:
        own = asyncio.create_task(asyncio.Event().wait())
        own.cancel()
        await own


def test_a_consumer_that_stops_badly_does_not_hide_why_it_had_to_stop() -> None:
    """Its cancelled task is none of ours: the lanes end with the failure, and their process with them."""

    async def play() -> None:
        lanes = Lanes(Lane("group", (), "nowhere"), Notebook(), connect=Crumbling)
        assert isinstance(await _ended(asyncio.create_task(lanes.run())), LookupError)

    asyncio.run(play())


async def _ended(task: asyncio.Task[None]) -> BaseException:
    """Why the lanes ended by themselves."""
    async with asyncio.timeout(60):
        (result,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(result, BaseExceptionGroup)
    return result.exceptions[0]


async def _stopped(lanes: Lanes, task: asyncio.Task[None]) -> None:
    await lanes.stop()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_partition_that_goes_is_drained_and_committed_first(kafka: str, until: Any) -> None:
    """A second member joins in the middle of slow work: no key is ever worked on by both, and each stays in order.

    What had finished above the watermark comes again; the ledger's business, not ours.
    """

    async def play() -> None:
        topic, group = await _topic(kafka), uuid.uuid4().hex
        await _feed(kafka, topic, keys=20, each=6)
        work = Notebook(slow=0.8)
        members = [
            Lanes(Lane(group, (topic,), kafka, slot=slot, at_once=10, records=60, session_s=6), work) for slot in "01"
        ]
        tasks = [asyncio.create_task(members[0].run())]
        await until(lambda: work.total > 5)
        tasks.append(asyncio.create_task(members[1].run()))
        each = 6
        while not members[1].ready.is_set():
            # However long it takes to join, there is work under way.
            await _feed(kafka, topic, keys=20, each=1, since=each)
            each += 1
            fed = 20 * each
            await until(lambda: members[1].ready.is_set() or work.total > fed - 60)  # noqa: B023 - waited for here
        await until(lambda: all(set(numbers) == set(range(each)) for numbers in work.seen.values()))
        assert sorted(len(member._tenures) for member in members) == [2, 2]
        for member, task in zip(members, tasks, strict=True):
            await _stopped(member, task)
        assert work.overlaps == 0
        assert all(list(dict.fromkeys(numbers)) == list(range(each)) for numbers in work.seen.values())
        assert await _committed(kafka, group, topic) == 20 * each

    asyncio.run(play())


def test_records_that_came_before_we_were_ready_come_again(kafka: str, until: Any) -> None:
    """Getting ready takes a while; nothing is lost by it, and each key begins with its first."""

    class Slow(Notebook):
        async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
            await asyncio.sleep(0.5)
            return await super().assigned(partitions, generation)

    async def play() -> None:
        topic = await _topic(kafka)
        await _feed(kafka, topic, keys=10, each=20)
        work = Slow()
        lanes = Lanes(Lane(uuid.uuid4().hex, (topic,), kafka), work)
        task = asyncio.create_task(lanes.run())
        await until(lambda: work.total == 200)
        await _stopped(lanes, task)
        assert all(numbers == list(range(20)) for numbers in work.seen.values())

    asyncio.run(play())


def test_refused_partitions_are_asked_for_again(kafka: str, until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as Kafka says that they are ours; until then nothing of them is worked on."""
    monkeypatch.setattr(membership, "_ASK_AGAIN_S", 0.1)

    class Fenced(Notebook):
        asked = 0

        async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
            self.asked += 1
            return [] if self.asked < 3 else await super().assigned(partitions, generation)

    async def play() -> None:
        topic = await _topic(kafka)
        await _feed(kafka, topic, keys=10, each=5)
        work = Fenced()
        lanes = Lanes(Lane(uuid.uuid4().hex, (topic,), kafka), work)
        task = asyncio.create_task(lanes.run())
        await until(lambda: work.total == 50)
        await _stopped(lanes, task)
        assert work.asked == 3
        assert all(numbers == list(range(5)) for numbers in work.seen.values())

    asyncio.run(play())


def test_who_is_fenced_and_never_told_ends(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else owns the partition, and this consumer has not heard of it: it has lost its coordinator."""
    monkeypatch.setattr(membership, "_UNTOLD_S", 0.2)

    class Lost(Notebook):
        async def handle(self, record: Record, known: Any | None) -> None:
            del record, known
            raise Gone

    async def play() -> None:
        topic, group = await _topic(kafka), uuid.uuid4().hex
        await _feed(kafka, topic, keys=5, each=1)
        lanes = Lanes(Lane(group, (topic,), kafka, drain_s=0.2), Lost())
        assert isinstance(await _ended(asyncio.create_task(lanes.run())), Stuck)
        assert await _committed(kafka, group, topic) == 0

    asyncio.run(play())


def test_a_listener_that_fails_ends_the_lanes(kafka: str) -> None:
    """Aiokafka would log it and go on, with partitions that nobody got ready for."""

    class Broken(Notebook):
        async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
            del partitions, generation
            message = "on purpose"
            raise LookupError(message)

    async def play() -> None:
        topic = await _topic(kafka)
        lanes = Lanes(Lane(uuid.uuid4().hex, (topic,), kafka), Broken())
        assert isinstance(await _ended(asyncio.create_task(lanes.run())), LookupError)

    asyncio.run(play())


def test_work_that_stands_still_ends_the_lanes_unless_it_has_a_reason(kafka: str, until: Any) -> None:
    """Records are held and none is finished: a new process may help; not where all wait for an organisation."""
    asked_at: list[float] = []

    class Stiff(Notebook):
        reason = True

        async def handle(self, record: Record, known: Any | None) -> None:
            del known
            self.busy.add(record.id)
            await asyncio.Event().wait()

        def waits(self) -> bool:
            if len(self.busy) == 3:
                asked_at.append(asyncio.get_running_loop().time())
            return self.reason

    async def play() -> None:
        topic = await _topic(kafka)
        await _feed(kafka, topic, keys=3, each=1)
        work = Stiff()
        task = asyncio.create_task(Lanes(Lane(uuid.uuid4().hex, (topic,), kafka, still_s=STILL_S), work).run())
        # Excused again and again, for longer than it takes to find and confirm a standstill.
        await until(lambda: len(asked_at) > 10 and asked_at[-1] - asked_at[0] > 4 * STILL_S)
        assert not task.done()
        work.reason = False
        assert isinstance(await _ended(task), Stuck)

    asyncio.run(play())


def test_three_commits_that_time_out_end_the_lanes(kafka: str, until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One may be a rebalance; three in a row are a coordinator that was lost."""
    monkeypatch.setattr(commits, "COMMIT_S", 0.05)

    class Silent(KafkaConsumer):
        async def commit(self, offsets: Mapping[Place, int]) -> None:
            del offsets
            await asyncio.Event().wait()

    async def play() -> None:
        topic = await _topic(kafka)
        work = Notebook()
        lanes = Lanes(Lane(uuid.uuid4().hex, (topic,), kafka), work, connect=Silent)
        task = asyncio.create_task(lanes.run())
        await until(lanes.ready.is_set)
        await _feed(kafka, topic, keys=3, each=1)
        assert isinstance(await _ended(task), Stuck)

    asyncio.run(play())


@pytest.mark.parametrize("away", [False, True])
def test_cancelled_lanes_leave_nothing_behind(kafka: str, until: Any, *, away: bool) -> None:
    """No task, no consumer; also while they still wait for a broker."""
    port = choose(("nobody",), {})["nobody"]

    async def play() -> None:
        topic, work = await _topic(kafka), Notebook()
        await _feed(kafka, topic, keys=5, each=1)
        before = asyncio.all_tasks()
        began = asyncio.Event()

        class Told(KafkaConsumer):
            async def start(self, member: Member) -> None:
                began.set()
                await super().start(member)

        lanes = Lanes(Lane(uuid.uuid4().hex, (topic,), f"127.0.0.1:{port}" if away else kafka), work, connect=Told)
        task = asyncio.create_task(lanes.run())
        await until(lambda: began.is_set() if away else work.total == 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await until(lambda: asyncio.all_tasks() <= before, 15)

    asyncio.run(play())


def test_records_of_a_former_tenure_are_dropped() -> None:
    """The partition goes and comes back while a batch is looked up: its records come again, these are not mixed in."""

    async def play() -> None:
        work = Rebalanced()
        lanes = Lanes(Lane("group", ("topic",), ""), work)
        work.tenures = lanes._membership.tenures
        places = [Place("topic", 0), Place("topic", 1)]
        work.tenures.update({place: Tenure() for place in places})
        fetched = {place: [Record(*place, 100, "key", (), b"0")] for place in places}
        for tenure, records in lanes._placed(fetched):
            await lanes._take(tenure, records)
        assert lanes.in_memory == 0
        assert all(tenure.watermark.unfinished == 0 for tenure in work.tenures.values())

    asyncio.run(play())


class Rebalanced(Notebook):
    """Work in whose look-up all partitions go and come back."""

    tenures: dict[Place, Tenure]

    async def recall(self, records: Sequence[Record]) -> Mapping[str, Any]:
        del records
        for place, tenure in list(self.tenures.items()):
            tenure.live = False
            self.tenures[place] = Tenure()
        return {}


def test_a_record_that_the_client_library_cannot_read_is_stepped_over(kafka: str, until: Any) -> None:
    """A header's name that is no text must not stop a consumer for good; what stands around it is worked on once."""

    async def play() -> None:
        topic, group = await _topic(kafka), uuid.uuid4().hex
        await _feed(kafka, topic, keys=20, each=10)
        await _send_with_a_broken_header_name(kafka, topic)
        await _feed(kafka, topic, keys=20, each=10)
        told: list[Record] = []

        async def unreadable(record: Record, _: str) -> None:
            told.append(record)

        work = Notebook()
        lanes = Lanes(Lane(group, (topic,), kafka), work, unreadable)
        task = asyncio.create_task(lanes.run())
        await until(lambda: work.total == 400)
        await lanes.stop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert all(numbers == [*range(10), *range(10)] for numbers in work.seen.values())
        assert len({(record.place, record.offset) for record in told}) == PARTITIONS

    asyncio.run(play())


class _NotText(str):
    """A header's name that becomes bytes which are no UTF-8, as a careless client of another family sends it."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        del encoding, errors
        return b"\xff\xfe"


async def _send_with_a_broken_header_name(kafka: str, topic: str) -> None:
    """One to each partition; aiokafka's fast encoder would refuse, its plain one does not look."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    for partition in range(PARTITIONS):
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 16_384)
        batch.append(key=None, value=b"v", timestamp=None, headers=[(_NotText("x"), b"x")])
        await (await producer.send_batch(batch, topic, partition=partition))
    await producer.stop()
