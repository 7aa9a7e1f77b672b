"""The raw records of every topic, as files: evidence for somebody who trusts none of our stores."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from contracts.topics import Topic

from .clock import Clock
from .settings import Settings
from .topics import topics_of

_POLL_MS: Final = 500


Ends = dict[TopicPartition, tuple[int, int]]
"""The first offset of every partition and the one after its last."""


async def ends_of(settings: Settings, wanted: Sequence[Topic] | None = None) -> Ends:
    """How far every topic, or each of these, reaches at this moment."""
    async with reader(settings) as consumer:
        known = await consumer.topics()
        table = topics_of(settings) if wanted is None else wanted
        topics = [topic for topic in table if topic.name in known]
        places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
        consumer.assign(places)
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        return {place: (begins[place], ends[place]) for place in places}


async def dump(settings: Settings, into: Path, ends: Ends) -> int:
    """Write `<into>/<topic>.jsonl` for every topic, up to these ends; how many records. The folder exists.

    One line a record: {partition, offset, key, headers, value, timestamp}; what is not UTF-8 is {"base64": …}. Where
    clocks leap, the timestamp is what they showed when Kafka, which does not, wrote its own.
    """
    left = {place for place, (begin, end) in ends.items() if end > begin}
    with ExitStack() as open_files:
        names = {place.topic for place in ends}
        files: dict[str, IO[str]] = {name: (into / f"{name}.jsonl").open("w", encoding="utf-8") for name in names}
        for file in files.values():
            open_files.callback(file.close)
        return await _read(settings, left, ends, files) if left else 0


async def _read(settings: Settings, left: set[TopicPartition], ends: Ends, files: dict[str, IO[str]]) -> int:
    async with reader(settings) as consumer:
        consumer.assign(list(left))
        for place in left:
            consumer.seek(place, ends[place][0])
        return await _drain(consumer, left, ends, files, settings.clock_of_others)


@asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer in no group, which commits nothing."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def _drain(
    consumer: AIOKafkaConsumer,
    left: set[TopicPartition],
    ends: Ends,
    files: dict[str, IO[str]],
    clock: Clock,
) -> int:
    written = 0
    while left:
        for place, records in (await consumer.getmany(*left, timeout_ms=_POLL_MS)).items():
            due = [record for record in records if record.offset < ends[place][1]]
            files[place.topic].writelines(_line(record, clock) for record in due)
            written += len(due)
            if await consumer.position(place) >= ends[place][1]:
                left.discard(place)
    return written


def _line(record: ConsumerRecord[bytes, bytes], clock: Clock) -> str:
    told = {
        "partition": record.partition,
        "offset": record.offset,
        "key": _text(record.key),
        "headers": {name: _text(value) for name, value in record.headers},
        "value": _text(record.value),
        "timestamp": round(clock.shown_at(record.timestamp / 1000) * 1000),
    }
    return json.dumps(told, ensure_ascii=False) + "\n"


def _text(raw: bytes | None) -> Any:
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}
