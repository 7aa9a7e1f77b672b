"""The projection as a process of its own, on real Kafka, and what is published before its eyes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Record
from services.stack.data import DataFolder
from tests.process import Process


class Projection(Process):
    """The projection, as an operator sees it."""

    def __init__(self, folder: DataFolder, kafka: str, **given: str) -> None:
        super().__init__("projection", "projection", folder, kafka, **given)
        token = json.loads(folder.secrets.read_bytes())["operator_token"]
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def get(self, path: str) -> Any:
        return self.ask("GET", path, self._headers)

    def post(self, path: str, body: Any) -> Any:
        return self.ask("POST", path, self._headers, body)

    def publish(self, records: Iterable[Record]) -> None:
        """Messages of others, in this order."""
        asyncio.run(_publish(self.kafka, records))


async def _publish(kafka: str, records: Iterable[Record]) -> None:
    producer = Producer(kafka, "test")
    await producer.start()
    for record in records:
        assert record.value is not None
        await producer.send(Outgoing(record.id, record.topic, record.key, record.headers, record.value))
    await producer.stop()
