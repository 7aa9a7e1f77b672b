"""One hop: consume → decode → validate → produce, at least once, in the order of each key, one process.

Ours beside FastStream's subscriber with `AckPolicy.ACK`, and beside what aiokafka's producer alone can send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from contracts.topics import PARTITIONS, TELEMETRY_SPANS
from observability import tracing
from services.bench.contest import Contender, Entry, Told, medians
from services.bench.figures import Found, Row, Target
from services.bench.ground import Ground
from services.bench.messages import commands
from services.bench.stopwatch import Stopwatch
from services.runtime.clock import Clock
from services.runtime.lanes import Lanes
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Record, read
from services.runtime.spans import SpanPost
from services.runtime.work import Forgetful, Lane

IN: Final = "bench.hop.in"
OUT: Final = "bench.hop.out"


@dataclass(frozen=True, slots=True)
class Size:
    """How much each contender does, and how often."""

    messages: int = 60_000
    faststream: int = 2_500
    vehicles: int = 5_000
    rounds: int = 5


def run(ground: Ground, tell: Told, size: Size | None = None) -> Found:
    """Let them run in turns, and take the median of each."""
    size = size or Size()
    tell("写入消息 / filling the topic", 0.0)
    ground.create(IN, OUT, TELEMETRY_SPANS.name, partitions=PARTITIONS)
    ground.fill(commands(IN, size.messages, size.vehicles))
    rounds = [_round(ground, number, size, tell) for number in range(size.rounds)]
    return _found(medians(rounds), size)


def _round(ground: Ground, number: int, size: Size, tell: Told) -> dict[str, float]:
    entries = {
        "ours": ("ours", size.messages),
        "ours_with_spans": ("ours_with_spans", size.messages),
        "faststream": ("faststream", min(size.faststream, size.messages)),
        "aiokafka_produce": ("aiokafka_produce", size.messages),
    }
    measured: dict[str, float] = {}
    for place, (name, (contender, messages)) in enumerate(entries.items()):
        tell(f"{number + 1}/{size.rounds} {name}", (number + place / len(entries)) / size.rounds)
        given = {"kafka": ground.kafka, "group": f"{name}.{number}", "messages": messages}
        found = Entry("hop", contender, given).run()
        measured |= {name: found["per_s"], f"{name}.cpu_us": found["cpu_us"]}
    return measured


def _found(middle: dict[str, float], size: Size) -> Found:
    ours, spans = middle["ours"], middle["ours_with_spans"]
    faststream, bare = middle["faststream"], middle["aiokafka_produce"]
    figures: dict[str, float | int | str] = {
        "ours_per_s": round(ours),
        "ours_with_spans_per_s": round(spans),
        "faststream_per_s": round(faststream),
        "aiokafka_produce_per_s": round(bare),
        "vs_faststream": round(ours / faststream, 1),
        "vs_aiokafka": round(ours / bare, 2),
    }
    rows = (
        Row("通车每秒", "ours, per second", round(ours)),
        Row("带追踪", "ours with spans, per second", round(spans), Target("≥", round(ours / 2)), "half of ours"),
        Row("FastStream 每秒", "FastStream AckPolicy.ACK, per second", round(faststream)),
        Row("aiokafka 只发送每秒", "aiokafka producing only, per second", round(bare)),
        Row("对 FastStream 之比", "ours ÷ FastStream", figures["vs_faststream"], Target("≥", 25)),
        Row("对 aiokafka 之比", "ours ÷ aiokafka", figures["vs_aiokafka"], Target("≥", 0.4), "a stretch"),
        *(
            Row(f"每条 CPU 微秒 {name}", f"CPU for one, {name}, µs", round(middle[f"{name}.cpu_us"]))
            for name in ("ours", "ours_with_spans", "faststream", "aiokafka_produce")
        ),
    )
    return Found(f"hop: {size.messages} messages, median of {size.rounds} rounds", figures, rows)


# -- ours


@dataclass(slots=True)
class Hop(Forgetful):
    """The work of our lanes: validate a message and pass it on, at least once."""

    producer: Producer
    watch: Stopwatch

    async def handle(self, record: Record, known: Any | None) -> None:
        """One message; on return it is on Kafka."""
        del known
        command = read(record)
        await self.producer.send(Outgoing(command.envelope.id, OUT, record.key, record.headers, record.value or b""))
        self.watch.count()


@dataclass(slots=True)
class TracedHop(Hop):
    """The same with one span a message, as dispatch has it."""

    async def handle(self, record: Record, known: Any | None) -> None:
        """One message and its span."""
        del known
        command = read(record)
        with tracing.span(
            f"process {record.topic}",
            kind="consumer",
            parent=command.envelope.traceparent,
            case_id=command.envelope.subject,
            attributes={
                "messaging.destination.name": record.topic,
                "tongche.organisation": "bench",
                "tongche.command": "insurance.bind",
                "tongche.attempt": 1,
            },
        ):
            await self.producer.send(
                Outgoing(command.envelope.id, OUT, record.key, record.headers, record.value or b"")
            )
        self.watch.count()


async def ours(kafka: str, group: str, messages: int) -> dict[str, float]:
    """Our lanes and our producer."""
    producer = Producer(kafka, "bench")
    await producer.start()
    measured = await _through(Hop, producer, Lane(group, (IN,), kafka, at_once=1_000, records=4_000), messages)
    await producer.stop()
    return measured


async def ours_with_spans(kafka: str, group: str, messages: int) -> dict[str, float]:
    """The same, with every span shipped to `telemetry.spans` as our services do."""
    producer = Producer(kafka, "bench")
    await producer.start()
    post = SpanPost("bench", producer, Clock(), asyncio.get_running_loop())
    trace = tracing.configure("bench", post.ship)
    posting = asyncio.create_task(post.run())
    measured = await _through(TracedHop, producer, Lane(group, (IN,), kafka, at_once=1_000, records=4_000), messages)
    await asyncio.to_thread(trace.shutdown)
    await post.flush()
    posting.cancel()
    await producer.stop()
    return measured | {"dropped": trace.dropped}


async def _through(
    make: Callable[[Producer, Stopwatch], Hop], producer: Producer, lane: Lane, messages: int
) -> dict[str, float]:
    watch = Stopwatch(messages)
    lanes = Lanes(lane, make(producer, watch))
    running = asyncio.create_task(lanes.run())
    measured = await watch.until_ended(running)
    await lanes.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return measured


# -- the others


async def faststream(kafka: str, group: str, messages: int) -> dict[str, float]:
    """FastStream's subscriber, at least once; each message is decoded and validated by the same code as ours."""
    from aiokafka import ConsumerRecord
    from faststream import AckPolicy
    from faststream.kafka import KafkaBroker, Topic
    from faststream.kafka.message import KafkaMessage

    from contracts.envelope import decode

    # No linger: it handles one message after another, and would wait out the linger of each.
    broker = KafkaBroker(
        kafka,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=262_144,
        logger=None,
        apply_types=False,
    )
    watch = Stopwatch(messages)

    async def validated(message: KafkaMessage) -> ConsumerRecord[bytes, bytes]:
        record = message.raw_message
        assert isinstance(record, ConsumerRecord)  # noqa: S101 - no batches
        decode(record.headers, record.value)
        return record

    @broker.subscriber(
        Topic(IN, declare=False),
        group_id=group,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.ACK,
        decoder=validated,
    )
    async def hop(record: ConsumerRecord[bytes, bytes]) -> None:
        headers = {name: value.decode() for name, value in record.headers}
        await broker.publish(record.value, OUT, key=record.key, headers=headers)
        watch.count()

    async with broker:
        await broker.start()
        await watch.ended.wait()
    return watch.measured


async def aiokafka_produce(kafka: str, group: str, messages: int) -> dict[str, float]:
    """What aiokafka's producer alone can send: the same bytes, one `send` a message, nothing consumed."""
    from aiokafka import AIOKafkaProducer

    del group
    prepared = [(one.key.encode(), one.value, list(one.headers)) for one in commands(OUT, min(messages, 5_000), 5_000)]
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True, linger_ms=5, max_batch_size=262_144
    )
    watch = Stopwatch(messages)
    await producer.start()
    for number in range(messages - 1):
        key, value, headers = prepared[number % len(prepared)]
        await producer.send(OUT, value, key=key, headers=headers)
        watch.count()
    await producer.flush()
    watch.count()
    await producer.stop()
    return watch.measured


CONTENDERS: Final[dict[str, Contender]] = {
    "ours": ours,
    "ours_with_spans": ours_with_spans,
    "faststream": faststream,
    "aiokafka_produce": aiokafka_produce,
}
