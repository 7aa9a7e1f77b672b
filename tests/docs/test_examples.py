"""The publishers' examples do what they say, against what reads them; the subscribers' are in `test_subscribers.py`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from contracts.faults import faults_of
from contracts.sale import SaleConfirmedV2
from contracts.topics import submit
from docs.examples import a_sale, e02_publish_sale, e03_publish_sale_kafka
from services.intake.cloudevents import from_record
from tests.intake.conftest import TODAY, House, opened

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"
NOW: Final = datetime(TODAY.year, TODAY.month, TODAY.day, 1, tzinfo=UTC)


@pytest.mark.parametrize("serial", [1, 2, 9999])
def test_the_sale_of_the_examples_is_valid(serial: int) -> None:
    """By its contract, whatever the number of the car."""
    sale, faults = faults_of(SaleConfirmedV2, a_sale.a_sale(serial, date(2026, 11, 2)))
    assert faults == ()
    assert sale is not None


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A door that really listens, with nobody behind it."""
    with opened(tmp_path) as house:
        yield house


def test_e02_is_accepted_by_a_real_door(house: House) -> None:
    """202 with an id, and sent again the same id: one sale."""
    door, token = f"http://127.0.0.1:{house.port}", house.tokens[a_sale.PUBLISHER]
    event = e02_publish_sale.event(1, NOW)
    status, accepted = e02_publish_sale.publish(door, token, event)
    assert status == 202
    assert accepted["code"] == "0"
    assert e02_publish_sale.publish(door, token, event)[1]["id"] == accepted["id"]
    assert [sent.id for sent in house.sent] == [accepted["id"]]


def test_e03_arrives_on_kafka_as_the_door_reads_it(kafka: str) -> None:
    """On the publisher's own topic, in a form that the door takes."""

    async def play() -> Any:
        topic = submit(a_sale.PUBLISHER)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.create_topics([NewTopic(topic.name, topic.partitions, 1)])
        await admin.close()
        place = await e03_publish_sale_kafka.publish(kafka, 2, NOW)
        assert re.fullmatch(rf"{topic.name}/\d+/0", place)
        consumer = AIOKafkaConsumer(topic.name, bootstrap_servers=kafka, auto_offset_reset="earliest")
        async with consumer, asyncio.timeout(30):
            return await consumer.getone()

    record = asyncio.run(play())
    submission = from_record(record.headers, record.value)
    assert (submission.source, submission.type) == (a_sale.SOURCE, a_sale.TYPE)
    assert submission.sourceid == "EXAMPLE-0002"
    assert faults_of(SaleConfirmedV2, submission.data)[1] == ()


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("[eE][0-9][0-9]*")), ids=lambda file: file.name)
def test_every_example_says_how_to_run_it(file: Path) -> None:
    """By its own name, at its beginning."""
    head = "\n".join(file.read_text(encoding="utf-8").splitlines()[:16])
    assert f"python -m docs.examples.{file.stem}" in head or f" {file.name}" in head or f"/{file.name}" in head
