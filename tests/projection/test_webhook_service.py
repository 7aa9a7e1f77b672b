"""A subscriber without Kafka, end to end: the service as a process, a broker, and the receiver of our examples."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from contracts.concerns import Concerns
from contracts.topics import SUBSCRIBABLE, to
from docs.examples.e06_receive_webhook import Inbox, receiver
from services.runtime import topics
from services.runtime.record import Record
from services.runtime.settings import Settings
from services.stack import credentials
from services.stack.data import DataFolder
from services.stack.ports import choose
from tests.process import wait_for
from tests.projection.people import USCC, grant, subscriber
from tests.projection.running import Projection
from tests.projection.stage import told, toml

NAME: Final = f"hooked-{time.time_ns()}"
"""Others share the broker."""
GRANT: Final = f"{NAME}-sales"
CARS: Final = 4
CONCERNS: Final = Concerns("310115", seller=USCC)


def _sales(*numbers: int) -> list[Record]:
    """Sales of these numbers, each of one of the cars in turn."""
    cars = [f"{NAME}-car-{number % CARS}" for number in numbers]
    return [
        told(id_=f"{NAME}-{number:03}", concerns=CONCERNS, key=car, at=datetime.now(UTC))
        for number, car in zip(numbers, cars, strict=True)
    ]


class Counting(Inbox):
    """An inbox that also knows how often it was posted what."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.posted: list[str] = []

    def keep(self, id_: str, body: bytes) -> bool:
        new = super().keep(id_, body)
        self.posted.append(id_)
        return new


@pytest.fixture
def inbox(tmp_path: Path) -> Counting:
    """What the subscriber received."""
    return Counting(tmp_path / "received.db")


@pytest.fixture
def port() -> int:
    """Where it listens, when it does."""
    return choose(("hook",), {})["hook"]


@pytest.fixture
def projection(tmp_path: Path, kafka: str, port: int) -> Iterator[Projection]:
    """A service with that subscriber alone, running, in an installation that is a test."""
    folder = DataFolder(tmp_path / "data")
    folder.create()
    credentials.ensure(folder)
    settings = Settings(data=folder.root, kafka=kafka)
    small = subscriber(
        "O",
        grant("sale.confirmed", 2, "vin", id=GRANT),
        name=NAME,
        usccs=[USCC],
        webhook={"url": f"http://127.0.0.1:{port}/hook"},
    )
    settings.subscribers.write_text(toml([small]), encoding="utf-8")
    wanted = {*SUBSCRIBABLE, "telemetry.spans", to(NAME, "sale.events").name}
    asyncio.run(topics.ensure(settings, [topic for topic in topics.topics_of(settings) if topic.name in wanted]))
    projection = Projection(folder, kafka, TONGCHE_WEBHOOK_TEST="true")
    projection.start()
    yield projection
    projection.kill()


@contextmanager
def listening(port: int, secrets: Sequence[str], inbox: Inbox) -> Iterator[None]:
    """The example's receiver, for as long as this lasts."""
    with receiver(port, secrets, inbox) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _ids(inbox: Inbox) -> list[str]:
    return [str(event["id"]) for event in inbox.all()]


@pytest.mark.timeout(400)
def test_a_small_dealer_is_posted_its_messages(projection: Projection, inbox: Counting, port: int) -> None:
    """Nobody listens at first, the service is killed, a secret changes: each car's all arrive in order, once each."""
    secrets = [projection.get(f"/v1/webhooks/{NAME}/secret")["secret"]]
    projection.publish(_sales(*range(8)))
    wait_for(lambda: projection.get(f"/v1/webhooks/{NAME}")["state"] == "failing")
    with listening(port, secrets, inbox):
        # What was tried while nobody listened is due in minutes by the schedule.
        projection.post(f"/v1/webhooks/{NAME}/resume", {})
        wait_for(lambda: len(inbox.all()) == 8)
        projection.publish(_sales(*range(8, 20)))
        projection.kill()
        projection.start()
        wait_for(lambda: len(inbox.all()) == 20)
        _are_in_order(_ids(inbox), 20)

        old, new = secrets[0], projection.post(f"/v1/webhooks/{NAME}/rotate", {})["secret"]
        for secret in (new, old):
            secrets[:] = [secret]
            before = len(inbox.posted)
            queued = projection.post(f"/v1/webhooks/{NAME}/replay", {"since": _an_hour_ago()})["queued"]
            assert queued == 20
            wait_for(lambda before=before: len(set(inbox.posted[before:])) == 20)  # type: ignore[misc]
            _are_in_order(inbox.posted[before:], 20)

        projection.post(f"/v1/grants/{GRANT}/revoke", {"reason": "the agreement is over"})
        wait_for(lambda: inbox.all()[-1]["type"] == "tongche.subscription.ended.v1")
        projection.publish(_sales(20))
        assert [one["host"] for one in projection.get("/v1/webhooks")["webhooks"]] == ["127.0.0.1"]
    assert len(inbox.all()) == 21


def _an_hour_ago() -> str:
    return (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def _are_in_order(ids: Sequence[str], many: int) -> None:
    """All of so many sales arrived, those of each car in the order in which they were published."""
    firsts = list(dict.fromkeys(ids))
    assert sorted(firsts) == [f"{NAME}-{number:03}" for number in range(many)]
    for car in range(CARS):
        numbers = [int(id_[-3:]) for id_ in firsts if int(id_[-3:]) % CARS == car]
        assert numbers == sorted(numbers)
