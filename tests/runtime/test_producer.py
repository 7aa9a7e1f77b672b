"""The producer sends until it is acknowledged, in order, and leaves nothing behind when it gives one up."""

from __future__ import annotations

import asyncio
import signal
import uuid
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, OutOfOrderSequenceNumber

from contracts.topics import LARGEST_MESSAGE
from services.runtime import producer as module
from services.runtime.producer import Producer
from services.runtime.record import Outgoing


def _messages(topic: str, count: int) -> list[Outgoing]:
    return [Outgoing(str(number), topic, "key", (), str(number).encode()) for number in range(count)]


@dataclass
class Line:
    """An inner producer that fails as it is told to, and remembers what was offered to it."""

    refusals: int = 0
    failing: set[str] = field(default_factory=set)
    taken: list[str] = field(default_factory=list)
    stopped: bool = False

    async def send(self, _: str, value: bytes, **__: Any) -> asyncio.Future[None]:
        if self.refusals:
            self.refusals -= 1
            raise KafkaTimeoutError
        ack: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if value.decode() in self.failing:
            ack.set_exception(OutOfOrderSequenceNumber())
        else:
            self.taken.append(value.decode())
            ack.set_result(None)
        return ack

    async def stop(self) -> None:
        self.stopped = True


def test_a_full_buffer_is_offered_the_same_again() -> None:
    """`send` itself raised: not accepted, so nothing is doubled and the order stays."""

    async def play() -> None:
        line = Line(refusals=3)
        await Producer("", "test", _inner=line).send_all(_messages("topic", 5))
        assert line.taken == ["0", "1", "2", "3", "4"]
        assert not line.stopped

    asyncio.run(play())


def test_what_was_not_acknowledged_is_sent_by_another_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sequence numbers may be poisoned: it is thrown away, and the next one begins with the first unsent."""
    first, second = Line(failing={"2", "3"}), Line()
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)

    async def play() -> None:
        sender = Producer("", "test", _inner=first)

        async def another() -> Any:
            sender._inner = sender._inner or second
            return sender._inner

        monkeypatch.setattr(Producer, "_connected", lambda _: another())
        await sender.send_all(_messages("topic", 4))
        assert (first.taken, first.stopped) == (["0", "1"], True)
        assert second.taken == ["2", "3"]

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


def test_a_broker_that_freezes_costs_neither_messages_nor_order(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends that were not acknowledged in time are repeated; first occurrences are in order; nothing is left behind."""
    monkeypatch.setattr(module, "_STOP_S", 0.3)

    async def play() -> None:
        topic = await _topic(kafka)
        before = asyncio.all_tasks()
        sender = Producer(kafka, "test", ack_s=0.5)
        await sender.send_all(_messages(topic, 10))
        broker = _broker()
        broker.send_signal(signal.SIGSTOP)
        try:
            sending = asyncio.create_task(sender.send_all(_messages(topic, 50)))
            await asyncio.sleep(2)
            assert not sending.done()
        finally:
            broker.send_signal(signal.SIGCONT)
        async with asyncio.timeout(30):
            await sending
        await sender.stop()
        seen = await _values(kafka, topic)
        assert list(dict.fromkeys(seen)) == [str(number) for number in range(50)]
        async with asyncio.timeout(5):
            while not asyncio.all_tasks() <= before:  # noqa: ASYNC110 - a task that ends tells nobody here
                await asyncio.sleep(0.05)

    asyncio.run(play())


def _broker() -> psutil.Process:
    """The process of the session's Kafka, which the test run itself started."""
    mine = psutil.Process().children(recursive=True)
    (broker,) = [process for process in mine if "kafka.Kafka" in process.cmdline()]
    return broker


async def _topic(kafka: str) -> str:
    name = f"producer.{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
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
