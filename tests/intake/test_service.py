"""The door as a process of its own, on real Kafka: what it acknowledges arrives there, also after a kill."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest

from services.runtime import topics
from services.runtime.settings import Settings
from services.stack import credentials
from services.stack.data import DataFolder
from services.stack.ports import choose

WITHIN_S = 60.0


class Process:
    """The service, to start and to kill."""

    def __init__(self, folder: DataFolder, kafka: str) -> None:
        self.folder = folder
        self.kafka = kafka
        self.port = choose(("door",), {})["door"]
        self.tokens = credentials.publisher_tokens(folder)
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        given = {
            "TONGCHE_DATA": str(self.folder.root),
            "TONGCHE_KAFKA": self.kafka,
            "TONGCHE_DOOR_PORT": str(self.port),
            "TONGCHE_BUSINESS_DATE": "2026-11-02",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TONGCHE_")}
        with self.folder.log("intake").open("ab") as log:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "services.intake"],
                env=kept | given,
                stdout=log,
                stderr=log,
                cwd=Path(__file__).parents[2],
            )
        wait_for(self.is_ready)

    def is_ready(self) -> bool:
        assert self.running is not None
        assert self.running.poll() is None, self.folder.log("intake").read_text(encoding="utf-8")[-3000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait(WITHIN_S)

    def ask(self, path: str, body: Any = None, publisher: str = "platform") -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[publisher]}", "Content-Type": "application/cloudevents+json"}
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", content, headers)
        with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:  # noqa: S310 - our own
            return json.load(answer)


def wait_for(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def process(tmp_path: Path, kafka: str) -> Iterator[Process]:
    """A folder as `up` prepares it, with the topics, and the service running."""
    folder = DataFolder(tmp_path / "data")
    folder.create()
    credentials.ensure(folder)
    asyncio.run(topics.ensure(Settings(data=folder.root, kafka=kafka)))
    process = Process(folder, kafka)
    process.start()
    yield process
    process.kill()


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


@pytest.mark.timeout(180)
def test_what_is_acknowledged_arrives_on_kafka_also_after_a_kill(process: Process, event: dict[str, Any]) -> None:
    """By HTTP and by Kafka, killed in between; a refusal reaches its own topic."""
    first = process.ask("/v1/sales", event)
    process.kill()
    process.start()
    again = process.ask("/v1/sales", event)
    assert (again["id"], again["code"]) == (first["id"], "1")

    maker = {
        "ce_specversion": "1.0",
        "ce_id": "m-1",
        "ce_source": "urn:tongche:publisher:changan",
        "ce_type": event["type"],
    }
    producer = confluent_kafka.Producer({"bootstrap.servers": process.kafka})
    headers = [(name, value.encode()) for name, value in maker.items()]
    producer.produce("submit.changan", json.dumps(event["data"]).encode(), headers=headers)
    producer.produce("submit.changan", b"{}", headers=headers)
    producer.flush(WITHIN_S)

    sales = read(process.kafka, "sale.events", "order-1", "m-1")
    # A kill between sending and noting it sends again: the id is the same, and readers keep a ledger of ids.
    assert len({sale["ce_id"] for sale in sales}) == 2
    assert first["id"].encode() in {sale["ce_id"] for sale in sales}
    (refusal,) = read(process.kafka, "refused.changan", "m-1")
    assert refusal["ce_type"] == b"tongche.sale.refused.v1"
    assert process.ask(f"/v1/sales/{first['id']}")["status"] == "received"
