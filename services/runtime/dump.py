"""The raw records of every topic, as files: evidence for somebody who trusts none of our stores."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from contracts.topics import Topic

from .settings import Settings
from .topics import topics_of

_POLL_MS: Final = 500


async def dump(settings: Settings, into: Path) -> int:
    """Write `<into>/<topic>.jsonl` for every topic, up to its end at the start; how many records. The folder exists.

    One line a record: {partition, offset, key, headers, value, timestamp}; what is not UTF-8 is {"base64": …}.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        known = await consumer.topics()
        return await _all(consumer, [topic for topic in topics_of(settings) if topic.name in known], into)
    finally:
        await consumer.stop()


async def _all(consumer: AIOKafkaConsumer, topics: Iterable[Topic], into: Path) -> int:
    places = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    consumer.assign(places)
    begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    left = {place for place in places if ends[place] > begins[place]}
    for place in places:
        consumer.seek(place, begins[place])
    names = {place.topic for place in places}
    files: dict[str, IO[str]] = {name: (into / f"{name}.jsonl").open("w", encoding="utf-8") for name in names}
    try:
        return await _drain(consumer, left, ends, files)
    finally:
        for file in files.values():
            file.close()


async def _drain(
    consumer: AIOKafkaConsumer,
    left: set[TopicPartition],
    ends: dict[TopicPartition, int],
    files: dict[str, IO[str]],
) -> int:
    written = 0
    while left:
        for place, records in (await consumer.getmany(*left, timeout_ms=_POLL_MS)).items():
            due = [record for record in records if record.offset < ends[place]]
            files[place.topic].writelines(map(_line, due))
            written += len(due)
            if await consumer.position(place) >= ends[place]:
                left.discard(place)
    return written


def _line(record: ConsumerRecord[bytes, bytes]) -> str:
    told = {
        "partition": record.partition,
        "offset": record.offset,
        "key": _text(record.key),
        "headers": {name: _text(value) for name, value in record.headers},
        "value": _text(record.value),
        "timestamp": record.timestamp,
    }
    return json.dumps(told, ensure_ascii=False) + "\n"


def _text(raw: bytes | None) -> Any:
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}
