"""SIGTERM ends a service within its bound, whatever hangs; and a service whose loop is lost ends by itself."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.runtime.face import CRASHED
from services.runtime.producer import Producer
from services.stack import credentials, readiness
from services.stack.data import DataFolder
from services.stack.ports import choose
from tests.runtime.bench import outgoing

PROGRAM = str(Path(__file__).with_name("stuck_service.py"))
CHECKOUT = str(Path(__file__).parents[2])
STOP_S = 1.0
LATE_S = 4.0
"""Where two moments of one stop are told apart: between them a machine may stand still for a while."""
ENDED_WITHIN_S = 120


@dataclass
class Stuck:
    """The process, its address, and what it wrote."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ready(self) -> dict[str, object]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/ready")
            answer: dict[str, object] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer

    def until_alive(self) -> None:
        deadline = time.monotonic() + ENDED_WITHIN_S
        while not readiness.is_alive(f"http://127.0.0.1:{self.port}"):
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def told(self) -> set[str]:
        """The names of the events in its log."""
        return {json.loads(line)["event"] for line in self.log.read_text().splitlines() if line.startswith("{")}


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Callable[..., Stuck]]:
    """Start one of these, with a broker that is away."""
    folder = DataFolder(tmp_path / "data")
    folder.create()
    credentials.ensure(folder)
    started: list[subprocess.Popen[bytes]] = []

    def start(*manner: str, **settings: object) -> Stuck:
        ports = choose(("service", "nobody"), {})
        told = {"DATA": folder.root, "DISPATCH_PORT": ports["service"], "KAFKA": f"127.0.0.1:{ports['nobody']}"}
        environment = {f"TONGCHE_{name}": str(value) for name, value in (told | settings).items()}
        log = tmp_path / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, PROGRAM, *manner],
                env={**os.environ, "PYTHONPATH": CHECKOUT, **environment},
                stdout=out,
                stderr=out,
            )
        started.append(process)
        return Stuck(process, ports["service"], log)

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_goodbye_that_hangs_is_cut_off(stuck: Callable[..., Stuck]) -> None:
    """Whatever is being closed and does not close: the process ends, and says that it had to be ended."""
    service = stuck("clinging", STOP_S=STOP_S)
    service.until_alive()
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(ENDED_WITHIN_S) == CRASHED
    assert "stop_cut_off" in service.told()


def test_a_broker_that_is_away_is_named_and_does_not_hold_up_the_stop(stuck: Callable[..., Stuck]) -> None:
    """There is something to say and nobody hears it; it is stored, so the process may go."""
    service = stuck("unheard", STOP_S=LATE_S)
    service.until_alive()
    missing = service.ready()["missing"]
    deadline = time.monotonic() + ENDED_WITHIN_S
    while missing != ["broker"]:
        assert time.monotonic() < deadline, missing
        missing = service.ready()["missing"]
    service.process.send_signal(signal.SIGTERM)
    service.process.wait(ENDED_WITHIN_S)
    assert "stop_late" in service.told()


def test_an_agency_that_hangs_does_not_hold_up_the_stop(kafka: str, stuck: Callable[..., Stuck], until: Any) -> None:
    """In the middle of a call that never ends: the process goes, and its successor will ask again."""

    async def play() -> None:
        topic = await topic_of_one(kafka)
        service = stuck("hanging", topic, KAFKA=kafka, STOP_S=LATE_S)
        await until(lambda: "asked" in service.told(), ENDED_WITHIN_S)
        service.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(service.process.wait, ENDED_WITHIN_S) == CRASHED
        assert {"stop_late", "stop_cut_off"} <= service.told()

    asyncio.run(play())


async def topic_of_one(kafka: str) -> str:
    """A topic with one record."""
    name = f"hanging.{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()
    producer = Producer(kafka, "test")
    await producer.send(outgoing("1", topic=name))
    await producer.stop()
    return name


def test_a_service_whose_loop_is_lost_says_where_and_ends(stuck: Callable[..., Stuck]) -> None:
    """Nobody has to look: the supervisor only has to start it anew."""
    service = stuck("blocked", BLOCKED_S=2.0)
    assert service.process.wait(ENDED_WITHIN_S) == CRASHED
    assert {"loop_blocked", "loop_lost"} <= service.told()
    assert "time.sleep(1)" in service.log.read_text()
