"""The examples do what they say: the subscriber's handler, and both publishers against what reads them."""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faststream import AckPolicy
from faststream.kafka import TestKafkaBroker

from contracts.case import CaseChangedV1, Step
from contracts.envelope import encode, message
from contracts.faults import faults_of
from contracts.sale import SaleConfirmedV2
from contracts.topics import CASE_EVENTS, submit
from docs.examples import a_sale, e01_subscribe_faststream, e02_publish_sale, e03_publish_sale_kafka
from services.intake.cloudevents import from_record
from tests.intake.conftest import TODAY, House, opened

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"
NOW: Final = datetime(TODAY.year, TODAY.month, TODAY.day, 1, tzinfo=UTC)
CASE: Final = CaseChangedV1(
    vin="LZZTEST05TA000001",
    order_no="XS1",
    kind="new-car",
    version=7,
    headline="OPEN",
    opened_at=NOW,
    changed_at=NOW,
    facets=(),
    steps=(
        Step(rule="tax.assessed", facet="tax", before="DECLARED", after="ASSESSED", zh="税务已核定", en="assessed"),
    ),
)


async def _tell(value: bytes | None = None, **changed: str) -> None:
    """Put a change of a case, or something like one, before the subscriber of the example."""
    headers, real = encode(message(CASE, id="m-1", source="urn:test", subject="case-1", time=NOW))
    texts = {name: text.decode() for name, text in headers} | {f"ce_{name}": text for name, text in changed.items()}
    async with TestKafkaBroker(e01_subscribe_faststream.broker) as broker:
        await broker.publish(value or real, CASE_EVENTS.name, headers=texts)


def test_e01_prints_each_step_of_a_case(capsys: pytest.CaptureFixture[str]) -> None:
    """Typed by the contract, with the case's id from the envelope."""
    asyncio.run(_tell())
    assert capsys.readouterr().out == "case-1 v7 OPEN LZZTEST05TA000001 tax ASSESSED 税务已核定 / assessed\n"


@pytest.mark.parametrize(
    ("value", "changed", "reason"),
    [
        (b"not json", {}, "contract::json_invalid"),
        (b"{}", {}, "contract:vin:missing"),
        (None, {"type": "com.example.other"}, "unknown-type"),
    ],
)
def test_e01_passes_over_poison_aloud(
    capsys: pytest.CaptureFixture[str], value: bytes | None, changed: dict[str, str], reason: str
) -> None:
    """What is no message of ours is named with its place and its reason, and is not tried for ever."""
    asyncio.run(_tell(value, **changed))
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.endswith(f": {reason}\n")


def test_e01_is_at_least_once_in_a_group_of_its_own() -> None:
    """Never the library's default, which commits before the handler has run."""
    subscriber: Any
    (subscriber,) = e01_subscribe_faststream.broker.subscribers
    assert subscriber.ack_policy is AckPolicy.NACK_ON_ERROR
    assert subscriber.group_id == "example-agency"
    assert [topic.name for topic in subscriber.topics] == [CASE_EVENTS.name]


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


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("e[0-9][0-9]_*.py")), ids=lambda file: file.stem)
def test_every_example_says_how_to_run_it(file: Path) -> None:
    """By its own name, from the checkout."""
    told = importlib.import_module(f"docs.examples.{file.stem}").__doc__ or ""
    assert f"python -m docs.examples.{file.stem}" in told
