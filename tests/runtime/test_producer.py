"""The producer sends until it is acknowledged, in order, and leaves nothing behind when it gives one up."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import islice
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, OutOfOrderSequenceNumber, ProducerClosed
from hypothesis import given, settings, strategies

from contracts.topics import LARGEST_MESSAGE
from services.runtime import producer as module
from services.runtime.producer import Producer
from services.runtime.record import Outgoing


def _messages(topic: str, count: int) -> list[Outgoing]:
    return [Outgoing(str(number), topic, "key", (), str(number).encode()) for number in range(count)]


@dataclass
class Batch:
    """A batch as an inner producer makes it: so many messages, or one."""

    most: int
    values: list[str] = field(default_factory=list)
    closed: bool = False

    def append(self, *, value: bytes, **__: Any) -> object | None:
        if self.values and len(self.values) >= self.most:
            return None
        self.values.append(value.decode())
        return object()

    def size(self) -> int:
        return sum(map(len, self.values))

    def record_count(self) -> int:
        return len(self.values)

    def close(self) -> None:
        self.closed = True


@dataclass
class Inner:
    """An inner producer that fails as it is told to, and remembers what was offered to it."""

    refusals: int = 0
    failing: set[str] = field(default_factory=set)
    taken: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    most: int = 2
    on_its_way: int = 0
    stopped: bool = False
    open: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """The first batch has left."""

    def __post_init__(self) -> None:
        self.open.set()

    async def partitions_for(self, _: str) -> set[int]:
        return {0}

    def create_batch(self) -> Batch:
        return Batch(self.most)

    async def send_batch(self, batch: Batch, _: str, *, partition: int) -> asyncio.Future[None]:
        assert (batch.closed, partition) == (True, 0)
        assert not self.on_its_way, "a batch overtook the one before it"
        if self.refusals:
            self.refusals -= 1
            raise KafkaTimeoutError
        return asyncio.ensure_future(self._acknowledged(batch))

    async def _acknowledged(self, batch: Batch) -> None:
        self.on_its_way += 1
        self.left.set()
        await self.open.wait()
        self.on_its_way -= 1
        if self.failing & set(batch.values):
            raise OutOfOrderSequenceNumber
        self.taken += batch.values
        self.batches.append(len(batch.values))

    async def stop(self) -> None:
        self.stopped = True


class Fate(Enum):
    """What becomes of one batch; the order of those that arrive is the order in which they left."""

    ARRIVES = auto()
    REFUSED = auto()
    """Never taken by the client."""
    LOST = auto()
    """It never reached the broker."""
    UNACKNOWLEDGED = auto()
    """It did, but nobody heard of it."""


@dataclass
class Wayward:
    """An inner producer at which anything may go wrong, batch by batch; `log` is the partition."""

    log: list[str]
    fates: Iterator[Fate]
    most: int

    async def partitions_for(self, _: str) -> set[int]:
        return {0}

    def create_batch(self) -> Batch:
        return Batch(self.most)

    async def send_batch(self, batch: Batch, _: str, *, partition: int) -> asyncio.Future[None]:
        assert (batch.closed, partition) == (True, 0)
        fate = next(self.fates, Fate.ARRIVES)
        if fate is Fate.REFUSED:
            raise KafkaTimeoutError
        return asyncio.ensure_future(self._told(batch, fate))

    async def _told(self, batch: Batch, fate: Fate) -> None:
        # A round trip: what the sender does not wait for has left by then.
        for _ in range(5):
            await asyncio.sleep(0)
        if fate is not Fate.LOST:
            self.log += batch.values
        if fate is not Fate.ARRIVES:
            raise OutOfOrderSequenceNumber

    async def stop(self) -> None:
        """Nothing of it lives on."""


def test_a_full_buffer_is_offered_the_same_again() -> None:
    """`send_batch` itself raised: not accepted, so nothing is doubled and the order stays."""

    async def play() -> None:
        inner = Inner(refusals=3)
        await Producer("", "test", _inner=inner).send_all(_messages("topic", 5))
        assert inner.taken == ["0", "1", "2", "3", "4"]
        assert not inner.stopped

    asyncio.run(play())


def test_what_was_not_acknowledged_is_sent_by_another_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sequence numbers may be poisoned: it is thrown away, and the next one begins with the first unsent."""
    first, second = Inner(failing={"2", "3"}), Inner()
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)

    async def play() -> None:
        sender = Producer("", "test", _inner=first)

        async def another() -> Any:
            sender._inner = sender._inner or second
            return sender._inner

        monkeypatch.setattr(Producer, "_connected", lambda _: another())
        await sender.send_all(_messages("topic", 6))
        assert (first.taken, first.stopped) == (["0", "1"], True)
        assert second.taken == ["2", "3", "4", "5"]

    asyncio.run(play())


@settings(max_examples=60)
@given(
    callers=strategies.lists(strategies.integers(1, 6), min_size=1, max_size=6),
    fates=strategies.lists(strategies.sampled_from(Fate), max_size=12),
    most=strategies.integers(1, 4),
)
def test_whatever_goes_wrong_first_occurrences_are_in_order(callers: list[int], fates: list[Fate], most: int) -> None:
    """Many callers, several batches in line, some refused, lost or unacknowledged: all arrive, nothing overtakes."""
    log, left = list[str](), iter(fates)
    messages = iter(_messages("topic", sum(callers)))

    async def play() -> None:
        sender = Producer("", "test")

        async def connected() -> Any:
            sender._inner = sender._inner or Wayward(log, left, most)
            return sender._inner

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_PAUSE_S", 0.0)
            patch.setattr(Producer, "_connected", lambda _: connected())
            async with asyncio.TaskGroup() as tasks:
                for count in callers:
                    tasks.create_task(sender.send_all(list(islice(messages, count))))

    asyncio.run(play())
    assert list(dict.fromkeys(log)) == [str(number) for number in range(sum(callers))]


def test_what_comes_while_a_batch_is_on_its_way_leaves_together_behind_it() -> None:
    """Many callers, few round trips; nothing waits for a batch to fill."""

    async def play() -> None:
        inner = Inner(most=100)
        inner.open.clear()
        sender = Producer("", "test", _inner=inner)
        callers = [asyncio.create_task(sender.send(one)) for one in _messages("topic", 1)]
        await inner.left.wait()
        callers += [asyncio.create_task(sender.send(one)) for one in _messages("topic", 50)[1:]]
        await asyncio.sleep(0)
        inner.open.set()
        await asyncio.gather(*callers)
        assert inner.batches == [1, 49]
        assert inner.taken == [str(number) for number in range(50)]

    asyncio.run(play())


def test_who_gives_up_waiting_is_not_sent_and_holds_up_nobody() -> None:
    """A cancelled caller's messages that have not left stay behind."""

    async def play() -> None:
        inner = Inner(most=1)
        inner.open.clear()
        sender = Producer("", "test", _inner=inner)
        first, second, third = (asyncio.create_task(sender.send(one)) for one in _messages("topic", 3))
        await inner.left.wait()
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        inner.open.set()
        await asyncio.gather(first, third)
        assert inner.taken == ["0", "2"]

    asyncio.run(play())


def test_a_stop_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the broker does not take in time is told to those who wait for it."""
    monkeypatch.setattr(module, "_STOP_S", 0.05)

    async def play() -> None:
        inner = Inner(most=1)
        inner.open.clear()
        sender = Producer("", "test", _inner=inner)
        callers = [asyncio.create_task(sender.send(one)) for one in _messages("topic", 3)]
        await inner.left.wait()
        await sender.stop()
        said = await asyncio.gather(*callers, return_exceptions=True)
        assert [type(one) for one in said] == [ProducerClosed] * 3

    asyncio.run(play())


def test_keys_go_where_every_client_puts_them(kafka: str) -> None:
    """A vehicle is in one partition, whoever sends: the hash is Kafka's own."""

    async def play() -> None:
        topic = await _topic(kafka, partitions=7)
        sender, theirs = Producer(kafka, "test"), AIOKafkaProducer(bootstrap_servers=kafka)
        await theirs.start()
        keys = [uuid.uuid4().hex for _ in range(20)]
        await sender.send_all([Outgoing(key, topic, key, (("ce_id", b"1"),), key.encode()) for key in keys])
        told = [await theirs.send_and_wait(topic, b"", key=key.encode()) for key in keys]
        await theirs.stop()
        await sender.stop()
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
        places: dict[str, int] = {}
        async with consumer, asyncio.timeout(30):
            async for one in consumer:
                if one.value:
                    assert (one.key, one.headers) == (one.value, (("ce_id", b"1"),))
                    places[one.value.decode()] = one.partition
                if len(places) == len(keys):
                    break
        assert [places[key] for key in keys] == [one.partition for one in told]

    asyncio.run(play())


def test_a_message_that_is_too_large_is_refused_and_not_tried_for_ever(kafka: str) -> None:
    """It would hold up all others; the same producer goes on with them."""

    async def play() -> None:
        topic = await _topic(kafka)
        sender = Producer(kafka, "test")
        with pytest.raises(MessageSizeTooLargeError):
            await sender.send(Outgoing("a", topic, "key", (), b"x" * LARGEST_MESSAGE))
        inner = sender._inner
        await sender.send_all(_messages(topic, 3))
        assert sender._inner is inner
        await sender.stop()

    asyncio.run(play())


def test_a_broker_that_freezes_costs_neither_messages_nor_order(
    kafka: str, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sends that were not acknowledged in time are repeated; first occurrences are in order; nothing is left behind."""
    monkeypatch.setattr(module, "_STOP_S", 0.3)

    async def play() -> None:
        topic = await _topic(kafka)
        before = asyncio.all_tasks()
        sender = Producer(kafka, "test", ack_s=0.5)
        await sender.send_all(_messages(topic, 10))
        broker, poisoned = _broker(kafka), sender._inner
        broker.send_signal(signal.SIGSTOP)
        try:
            sending = asyncio.create_task(sender.send_all(_messages(topic, 50)))
            await until(lambda: sender._inner is not poisoned)
            assert not sending.done()
        finally:
            broker.send_signal(signal.SIGCONT)
        async with asyncio.timeout(30):
            await sending
        await sender.stop()
        seen = await _values(kafka, topic)
        assert list(dict.fromkeys(seen)) == [str(number) for number in range(50)]
        await until(lambda: asyncio.all_tasks() <= before)

    asyncio.run(play())


def _broker(kafka: str) -> psutil.Process:
    """The process of a Kafka that the test run itself started; other tests may have others."""
    mine, port = psutil.Process().children(recursive=True), int(kafka.rsplit(":", 1)[1])
    return next(process for process in mine if port in _listening(process))


def _listening(process: psutil.Process) -> set[int]:
    return {one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}


async def _topic(kafka: str, partitions: int = 1) -> str:
    name = f"producer.{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, partitions, 1)])
    await admin.close()
    return name


async def _values(kafka: str, topic: str) -> list[str]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    (place,) = consumer.assignment()
    end = (await consumer.end_offsets([place]))[place]
    seen: list[str] = []
    while await consumer.position(place) < end:
        for batch in (await consumer.getmany(timeout_ms=100)).values():
            seen += [one.value.decode() for one in batch]
    await consumer.stop()
    return seen
