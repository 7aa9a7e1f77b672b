"""Lanes on a real Kafka: order for each key, no commit ahead of the work, nothing lost on a restart."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.runtime.lanes import Lane, Lanes
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Place, Record

PARTITIONS = 4


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


async def _feed(kafka: str, topic: str, keys: int, each: int) -> None:
    producer = Producer(kafka, "test")
    await producer.start()
    messages = [
        Outgoing(f"{key}-{number}", topic, f"key{key}", (("ce_id", f"{key}-{number}".encode()),), str(number).encode())
        for number in range(each)
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
        await lanes.stop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert work.overlaps == 0
        assert all(numbers == list(range(20)) for numbers in work.seen.values())
        assert await _committed(kafka, group, topic) == 1000

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


def test_a_full_window_stops_fetching_and_goes_on_afterwards(kafka: str, until: Any) -> None:
    """Memory is bounded by the window, not by the backlog."""

    async def play() -> None:
        topic, group = await _topic(kafka), uuid.uuid4().hex
        await _feed(kafka, topic, keys=100, each=10)
        gate = asyncio.Event()

        class Gated(Notebook):
            async def handle(self, record: Record, known: Any | None) -> None:
                await gate.wait()
                await super().handle(record, known)

        work = Gated()
        lanes = Lanes(Lane(group, (topic,), kafka, at_once=4, records=50), work)
        task = asyncio.create_task(lanes.run())
        await until(lambda: lanes.in_memory >= 50)
        peak = lanes.in_memory
        for _ in range(10):
            await asyncio.sleep(0.02)
            peak = max(peak, lanes.in_memory)
        gate.set()
        await until(lambda: work.total == 1000)
        await lanes.stop()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert peak < 50 + 50 * PARTITIONS

    asyncio.run(play())
