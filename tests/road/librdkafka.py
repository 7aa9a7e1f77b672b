"""Kafka as another family of clients sees it: librdkafka, which shares no code with ours."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

_WITHIN_S: Final = 30
_MANY: Final = 1000
_LOOK_S: Final = 0.2


def topics(bootstrap: str) -> set[str]:
    """The name of every topic but Kafka's own."""
    consumer = _consumer(bootstrap)
    try:
        return {name for name in consumer.list_topics(timeout=_WITHIN_S).topics if not name.startswith("__")}
    finally:
        consumer.close()


def records(bootstrap: str, names: Iterable[str]) -> list[Message]:
    """Everything that these topics hold."""
    consumer = _consumer(bootstrap)
    try:
        known = consumer.list_topics(timeout=_WITHIN_S).topics
        places = {(name, number) for name in names for number in known[name].partitions}
        consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for name, number in places])
        return _until_the_ends(consumer, places)
    finally:
        consumer.close()


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "road",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )


def _until_the_ends(consumer: Consumer, left: set[tuple[str, int]]) -> list[Message]:
    found = []
    deadline = time.monotonic() + _WITHIN_S
    while left:
        assert time.monotonic() < deadline, f"not at their end after {_WITHIN_S} s: {sorted(left)}"
        for message in consumer.consume(_MANY, _LOOK_S):
            error = message.error()
            if error is None:
                found.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard((str(message.topic()), int(message.partition() or 0)))
            else:
                raise KafkaException(error)
    return found
