"""Reading past a record that the client library itself cannot read.

aiokafka takes the names of headers for UTF-8 and raises where they are not, before anybody sees the record. Any
publisher could stop a consumer for good with one such record; so it is found by halves, stepped over and told.
"""

from __future__ import annotations

from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

REASON: Final = "header-name-not-utf8"
_POLL_MS: Final = 200


async def around(
    consumer: AIOKafkaConsumer, place: TopicPartition, start: int, most: int
) -> tuple[list[ConsumerRecord[bytes, bytes]], int | None]:
    """Read one partition from `start`: some records before the unreadable one; or, if it is the next, its offset.

    After that the consumer stands behind what was given back.
    """
    size = most
    while True:
        consumer.seek(place, start)
        try:
            found = await consumer.getmany(place, timeout_ms=_POLL_MS, max_records=size)
        except UnicodeDecodeError:
            if size == 1:
                consumer.seek(place, start + 1)
                return [], start
            size //= 2
        else:
            return list(found.get(place, ())), None
