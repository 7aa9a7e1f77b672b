"""The publishers' examples do what they say, against what reads them; the subscribers' are in `test_subscribers.py`."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from contracts.faults import faults_of
from contracts.sale import SaleConfirmedV2
from contracts.topics import submit
from docs.examples import a_sale, e02_publish_sale, e03_publish_sale_kafka, e06_receive_webhook, e07_publish_file
from services.intake.cloudevents import from_record
from services.projection.webhooks.signature import secret_of, shown, signed
from tests.intake.conftest import TODAY, House, opened

SAMPLES: Final = Path(__file__).parents[1] / "samples"
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


def test_e07_tells_which_rows_are_wrong_and_what_became_of_the_others(house: House) -> None:
    """A template filled in, one row of it with a mistyped VIN; sent again nothing is new."""
    door, token = f"http://127.0.0.1:{house.port}", house.tokens["platform"]
    headings = e07_publish_file.template(door, token).decode("utf-8-sig").strip()
    with (SAMPLES / "sales.csv").open(encoding="utf-8-sig", newline="") as lines:
        rows = list(islice(csv.DictReader(lines), 2))
    rows[1]["车架号"] = rows[1]["车架号"][:-1] + "9"
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, headings.split(","))
    writer.writeheader()
    writer.writerows(rows)
    for first in ("accepted 1, known already 0, refused 1", "accepted 0, known already 1, refused 1"):
        report = e07_publish_file.publish(door, token, "sales.csv", out.getvalue().encode())
        total, *faults = e07_publish_file.told(report)
        assert total == first
        assert [line.split(" →")[0] for line in faults] == ["line 3: vin check_digit"]
    (sale,) = e07_publish_file.became(door, token, rows[0]["销售单号"])
    assert sale["status"] == "received"
    assert set(rows[0]) <= set(headings.split(","))


def test_e06_takes_what_is_signed_just_now_and_nothing_else(tmp_path: Path) -> None:
    """Not by another secret, not an old post, not a byte changed; either of two secrets will do."""
    secrets = [secret_of(b"k" * 32, "dealer", number) for number in (0, 1)]
    told = [shown(secret) for secret in secrets]
    body = b'{"type": "tongche.sale.confirmed.v2", "subject": "case-1"}'
    headers = signed(secrets[:1], "m-1", 1_790_000_000, body)

    def is_ours(known: list[str], content: bytes = body, late_s: float = 0.0) -> bool:
        return e06_receive_webhook.is_ours(known, headers, content, 1_790_000_000 + late_s)

    assert is_ours(told)
    assert is_ours(told[:1], late_s=-299)
    assert not is_ours(told[1:])
    assert not is_ours(told, body + b" ")
    assert not is_ours(told, late_s=301)
    assert not e06_receive_webhook.is_ours(told, {}, body, 0.0)
    inbox = e06_receive_webhook.Inbox(tmp_path / "received.db")
    assert [inbox.keep("m-1", body) for _ in range(2)] == [True, False]
    assert len(inbox.all()) == 1


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


@pytest.mark.parametrize(
    ("example", "arguments", "told"),
    [
        ("e06_receive_webhook", (), "SECRET=whsec_"),
        ("e07_publish_file", (), "TOKEN="),
        ("e07_publish_file", ("http://127.0.0.1:9", str(Path(__file__))), "send the same file again"),
    ],
)
def test_an_example_says_how_it_is_run(example: str, arguments: tuple[str, ...], told: str) -> None:
    """And what to do when the door does not answer; no traceback for a dealer."""
    given = {"TOKEN": "x"} if arguments else {}
    code = [sys.executable, "-m", f"docs.examples.{example}", *arguments]
    done = subprocess.run(
        code, cwd=EXAMPLES.parents[1], env=os.environ | given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
