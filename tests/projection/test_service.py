"""The projection as a process of its own, on real Kafka, with the subscribers of a fresh installation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import confluent_kafka
import pytest

from contracts.concerns import Concerns
from contracts.topics import SUBSCRIBABLE, VIEW_PARTITIONS, to
from services.runtime import topics
from services.runtime.record import Record
from services.runtime.settings import Settings
from services.stack import credentials
from services.stack.data import DataFolder
from tests.process import WITHIN_S
from tests.projection.running import Projection
from tests.projection.stage import told

CARS: Final = 6
OURS: Final = f"s{time.time_ns()}"
"""Others share the broker."""
CONCERNS: Final = Concerns("310115", maker="91440300MAPW444F2G")
TAX: Final = to("tax-office", "sale.events").name
MAKER: Final = to("automaker-data", "sale.events").name


def _sales(*numbers: int) -> list[Record]:
    """Sales of these numbers, each of one of the cars in turn."""
    return [_sale(number) for number in numbers]


def _sale(number: int) -> Record:
    return told(id_=f"{OURS}-{number:03}", concerns=CONCERNS, key=f"{OURS}-car-{number % CARS}")


@pytest.fixture
def projection(tmp_path: Path, kafka: str) -> Iterator[Projection]:
    """A folder as `up` prepares it, with the topics, and the service running."""
    folder = DataFolder(tmp_path / "data")
    folder.create()
    credentials.ensure(folder)
    settings = Settings(data=folder.root, kafka=kafka)
    wanted = {*SUBSCRIBABLE, "telemetry.spans", TAX, MAKER}
    asyncio.run(topics.ensure(settings, [topic for topic in topics.topics_of(settings) if topic.name in wanted]))
    projection = Projection(folder, kafka)
    projection.start()
    yield projection
    projection.kill()


def read(kafka: str, topic: str, enough: Callable[[list[tuple[str, str, str]]], bool]) -> list[tuple[str, str, str]]:
    """Key, id and type of what is ours, by a client of another family, in order, until it is enough."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka, "group.id": f"test-{time.time_ns()}", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    found: list[tuple[str, str, str]] = []
    deadline = time.monotonic() + WITHIN_S
    while not enough(found):
        assert time.monotonic() < deadline, f"{topic} has only {found}"
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            headers: dict[str, bytes] = dict(message.headers() or [])  # type: ignore[arg-type]
            id_, key = headers["ce_id"].decode(), (message.key() or b"").decode()
            if id_.startswith(OURS) or headers["ce_type"].startswith(b"tongche.subscription."):
                found.append((key, id_, headers["ce_type"].decode()))
    consumer.close()
    return found


def _ends(found: list[tuple[str, str, str]]) -> int:
    return sum("ended" in type_ for *_, type_ in found)


def _ids(found: list[tuple[str, str, str]]) -> set[str]:
    return {id_ for _, id_, _ in found}


@pytest.mark.timeout(400)
def test_a_kill_loses_nothing_and_a_revoked_grant_ends(projection: Projection, kafka: str) -> None:
    """Each car's sales stay in order, whatever comes twice has its old id; after the end comes nothing."""
    projection.publish(_sales(*range(30)))
    projection.kill()
    projection.start()
    projection.publish(_sales(*range(30, 60)))
    wanted = {f"{OURS}-{number:03}" for number in range(60)}
    found = read(kafka, TAX, lambda found: wanted <= _ids(found))
    assert _ids(found) == wanted
    for car in range(CARS):
        firsts = dict.fromkeys(id_ for key, id_, _ in found if key == f"{OURS}-car-{car}")
        assert list(firsts) == sorted(firsts)

    told_ = projection.post("/v1/grants/tax-office-sales/revoke", {"reason": "the agreement is over"})
    assert told_["state"] == "revoked"
    projection.publish(_sales(*range(60, 70)))
    read(kafka, MAKER, lambda found: f"{OURS}-069" in _ids(found))
    whole = read(kafka, TAX, lambda found: _ends(found) == VIEW_PARTITIONS)
    assert len({id_ for _, id_, type_ in whole if "ended" in type_}) == 1
    assert not {f"{OURS}-{number:03}" for number in range(60, 70)} & _ids(whole)
    (counted,) = (
        one for one in projection.get("/v1/disclosures/by-recipient")["recipients"] if one["subscriber"] == "tax-office"
    )
    assert counted["messages"] >= 60
