"""Where benches are run: a Kafka of their own in a folder that goes again, and topics filled beforehand."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from contracts.topics import LARGEST_MESSAGE
from services.runtime.producer import Producer
from services.runtime.record import Outgoing
from services.stack import jars, node

Fetching = Callable[[list[jars.Jar]], jars.Report]

_AT_ONCE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Ground:
    """One Kafka node that nobody else uses."""

    folder: Path
    kafka: str

    def create(self, *topics: str, partitions: int) -> None:
        """Make topics; their names must be new."""
        asyncio.run(_create(self.kafka, topics, partitions))

    def fill(self, messages: Iterable[Outgoing]) -> None:
        """Put messages onto Kafka, acknowledged."""
        asyncio.run(_fill(self.kafka, messages))


@contextmanager
def ground(fetching: Fetching = jars.silently) -> Iterator[Ground]:
    """Start a Kafka in a folder of its own; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tongche-bench-") as name:
        folder = Path(name)
        with node.kafka(folder / "kafka", fetching) as broker:
            yield Ground(folder, broker.bootstrap)


async def _create(kafka: str, names: Sequence[str], partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        settings = {"max.message.bytes": str(LARGEST_MESSAGE * 2)}
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings) for name in names])
    finally:
        await admin.close()


async def _fill(kafka: str, messages: Iterable[Outgoing]) -> None:
    producer = Producer(kafka, "bench")
    await producer.start()
    left = iter(messages)
    while part := list(islice(left, _AT_ONCE)):
        await producer.send_all(part)
    await producer.stop()
