"""The door as a process of its own, on real Kafka: what it acknowledges arrives there, also after a kill."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest

from services.runtime import topics
from services.runtime.settings import Settings
from services.stack import credentials
from services.stack.data import DataFolder
from tests.process import WITHIN_S, Process


class Door(Process):
    """The door, as one of its publishers sees it."""

    def __init__(self, folder: DataFolder, kafka: str) -> None:
        super().__init__("intake", "door", folder, kafka, TONGCHE_BUSINESS_DATE="2026-11-02")
        self._token = credentials.publisher_tokens(folder)["platform"]

    def get(self, path: str) -> Any:
        return self.ask("GET", path, self._headers)

    def submit(self, event: dict[str, Any]) -> Any:
        return self.ask("POST", "/v1/sales", self._headers, event)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}", "Content-Type": "application/cloudevents+json"}


@pytest.fixture
def door(tmp_path: Path, kafka: str) -> Iterator[Door]:
    """A folder as `up` prepares it, with the topics, and the service running."""
    folder = DataFolder(tmp_path / "data")
    folder.create()
    credentials.ensure(folder)
    asyncio.run(topics.ensure(Settings(data=folder.root, kafka=kafka)))
    door = Door(folder, kafka)
    door.start()
    yield door
    door.kill()


def read(kafka: str, topic: str, *wanted: str) -> list[dict[str, bytes]]:
    """The headers of the messages with these source ids, by a client of another family; others share the broker."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka, "group.id": f"test-{time.time_ns()}", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    found: list[dict[str, bytes]] = []
    deadline = time.monotonic() + WITHIN_S
    while {found_one["ce_sourceid"].decode() for found_one in found} != set(wanted):
        assert time.monotonic() < deadline, f"{topic} has only {len(found)} of {wanted}"
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            headers: dict[str, bytes] = dict(message.headers() or [])  # type: ignore[arg-type]
            found += [headers] if headers["ce_sourceid"].decode() in wanted else []
    consumer.close()
    return found


@pytest.mark.timeout(400)
def test_what_is_acknowledged_arrives_on_kafka_also_after_a_kill(door: Door, event: dict[str, Any]) -> None:
    """By HTTP and by Kafka, killed in between; a refusal reaches its own topic."""
    first = door.submit(event)
    door.kill()
    door.start()
    again = door.submit(event)
    assert (again["id"], again["code"]) == (first["id"], "1")

    maker = {
        "ce_specversion": "1.0",
        "ce_id": "m-1",
        "ce_source": "urn:tongche:publisher:changan",
        "ce_type": event["type"],
    }
    producer = confluent_kafka.Producer({"bootstrap.servers": door.kafka})
    headers = [(name, value.encode()) for name, value in maker.items()]
    producer.produce("submit.changan", json.dumps(event["data"]).encode(), headers=headers)
    producer.produce("submit.changan", b"{}", headers=headers)
    producer.flush(WITHIN_S)

    sales = read(door.kafka, "sale.events", "order-1", "m-1")
    # A kill between sending and noting it sends again: the id is the same, and readers keep a ledger of ids.
    assert len({sale["ce_id"] for sale in sales}) == 2
    assert first["id"].encode() in {sale["ce_id"] for sale in sales}
    (refusal,) = read(door.kafka, "refused.changan", "m-1")
    assert refusal["ce_type"] == b"tongche.sale.refused.v1"
    assert door.get(f"/v1/sales/{first['id']}")["status"] == "received"
