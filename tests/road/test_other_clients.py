"""Clients of another family: librdkafka on the wire, the official CloudEvents SDK for the meaning."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings import kafka as binding
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Message, Producer

from services.publisher.sales import EXPORT_EVERY, Sale
from tests.road import librdkafka
from tests.road.installation import OwnInstallation, Typed, until
from tests.road.publisher import invented

WITHIN_S = 60
CARRIED_BY_THE_SAMPLES = {
    "sale.events",
    "case.events",
    "delivery.events",
    "telemetry.spans",
    "miit.events",
    "tax.events",
    "insurer.events",
    "bank.events",
    "police.events",
    "miit.commands",
    "tax.commands",
    "police.commands",
}
GARBAGE = (b"\x00\xff\xfe garbage", b"", None, b"[" * 50_000, b"{}", b"null")

pytestmark = pytest.mark.timeout(500)


@dataclass(frozen=True, slots=True)
class Maker:
    """A publisher that has nothing of ours but the broker's address and the name of its topic."""

    kafka: str
    name: str

    def produce(self, headers: Mapping[str, bytes] | None, value: bytes | None) -> None:
        """Send one record, and wait until the broker has it."""
        producer = Producer({"bootstrap.servers": self.kafka, "acks": "all"})
        producer.produce(f"submit.{self.name}", value, headers=dict(headers or {}))
        assert producer.flush(WITHIN_S) == 0

    def refusals(self) -> list[BaseCloudEvent]:
        return [event_of(record) for record in librdkafka.records(self.kafka, [f"refused.{self.name}"])]

    def refused(self, source_id: str) -> BaseCloudEvent:
        """Wait for the refusal of one event."""

        def found() -> list[BaseCloudEvent]:
            return [event for event in self.refusals() if event.get_extension("sourceid") == source_id]

        until(found, WITHIN_S, self.refusals)
        (refusal,) = found()
        return refusal


def event_of(record: Message) -> BaseCloudEvent:
    """The record as the CloudEvents SDK understands its headers, key and value."""
    pairs = list(record.headers() or [])
    headers = {str(name): value for name, value in pairs if isinstance(value, bytes)}
    assert len(headers) == len(pairs), "a header that stands twice, or is null, has no meaning in the binding"
    return binding.from_binary_event(binding.KafkaMessage(headers, record.key(), record.value() or b""))


def cloudevent(sale: Sale, id_: str, **changed: Any) -> CloudEvent:
    attributes = {"id": id_, "source": sale.source, "type": sale.type, "datacontenttype": "application/json"}
    return CloudEvent(attributes, dict(sale.data) | changed)


def test_every_topic_carries_cloudevents(samples: Typed, installation: OwnInstallation) -> None:
    """Each record parses by the official SDK: an aware time, text as its key, an object; source and id are its own.

    What was sent again after a crash has the same ones, and then it is the same message in every byte.
    """
    names = librdkafka.topics(installation.kafka)
    ours = {name for name in names if not name.endswith(".poison") and not name.startswith("submit.")}
    records = librdkafka.records(installation.kafka, ours)
    assert {record.topic() for record in records} >= CARRIED_BY_THE_SAMPLES
    sent: dict[tuple[str, str], object] = {}
    for record in records:
        event = event_of(record)
        time = event.get_time()
        assert time is not None
        assert time.tzinfo is not None
        assert event.get_specversion() == "1.0"
        assert event.get_type().startswith("tongche.")
        assert event.get_datacontenttype() == "application/json"
        assert isinstance(event.get_data(), dict)
        # Spans are about a service, everything else about a vehicle.
        key = "[a-z]+" if record.topic() == "telemetry.spans" else "[0-9a-f]{32}"
        assert re.fullmatch(key, event.get_extension("partitionkey"))
        message = (record.topic(), record.key(), record.headers(), record.value())
        assert sent.setdefault((event.get_source(), event.get_id()), message) == message


def test_no_bytes_of_ours_are_poison(samples: Typed, installation: OwnInstallation) -> None:
    """Every service understands every other."""
    poison = [name for name in librdkafka.topics(installation.kafka) if name.endswith(".poison")]
    assert [record.topic() for record in librdkafka.records(installation.kafka, poison)] == []


def test_sales_of_another_client_close(installation: OwnInstallation) -> None:
    """An export in binary mode and a sale at home in structured mode, produced by librdkafka from SDK events."""
    before = installation.cases()["closed"]
    abroad = invented(installation, "platform", seed=11, number=EXPORT_EVERY - 1)[-1]
    at_home = invented(installation, "byd", seed=12, number=1)[-1]

    binary = binding.to_binary_event(cloudevent(abroad, "other-client-1"))
    structured = binding.to_structured_event(cloudevent(at_home, "other-client-2"))
    Maker(installation.kafka, "platform").produce(binary.headers, binary.value)
    Maker(installation.kafka, "byd").produce(structured.headers, structured.value)

    installation.until_closed(before + 2, WITHIN_S)
    for sale in (abroad, at_home):
        assert installation.type_in("case", "show", sale.data["vin"]).answer["headline"] == "CLOSED"


def test_a_broken_sale_comes_back_with_codes_and_without_its_buyer(installation: OwnInstallation) -> None:
    """On the publisher's own topic: every fault at once, and nothing of the person."""
    maker = Maker(installation.kafka, "byd")
    sale = invented(installation, "byd", seed=13, number=1)[-1]
    message = binding.to_binary_event(cloudevent(sale, "broken-1", seats=0, vin=sale.data["vin"][::-1]))
    maker.produce(message.headers, message.value)

    refusal = maker.refused("broken-1")

    data = refusal.get_data()
    assert isinstance(data, dict)
    assert {(fault["field"], fault["code"]) for fault in data["faults"]} == {("seats", "V102"), ("vin", "V101")}
    (raw,) = (
        record
        for record in librdkafka.records(installation.kafka, ["refused.byd"])
        if dict(record.headers() or []).get("ce_sourceid") == b"broken-1"
    )
    told = (raw.value() or b"") + repr(raw.headers()).encode()
    buyer = sale.data["buyer"]
    for private in (buyer["buyer_name"], buyer["buyer_id_no"], buyer["phone"], sale.data["vin"]):
        assert private.encode() not in told
        assert json.dumps(private).strip('"').encode() not in told


def test_garbage_comes_back_as_a_refusal_too(installation: OwnInstallation) -> None:
    """Whatever a client produces, its publisher hears of it: by its place on the topic, where it has no id."""
    maker = Maker(installation.kafka, "changan")
    before = {event.get_id() for event in maker.refusals()}
    for value in GARBAGE:
        maker.produce(None, value)
    maker.produce({"ce_specversion": b"\xff", "ce_id": b"\xff"}, b"{}")

    def new() -> list[BaseCloudEvent]:
        return [event for event in maker.refusals() if event.get_id() not in before]

    until(lambda: len(new()) == len(GARBAGE) + 1, WITHIN_S, new)
    for refusal in new():
        data = refusal.get_data()
        assert isinstance(data, dict)
        assert re.fullmatch(r"submit\.changan/\d+/\d+", data["source_id"])
        assert data["faults"]


def test_the_checker_finds_nothing(samples: Typed, installation: OwnInstallation) -> None:
    """Nothing lost, doubled, reordered, stuck or leaked, by what the agencies themselves wrote down.

    The samples, bad rows and refusals included: no person's data in a topic where it does not belong.
    """
    verdict = installation.check()
    assert (verdict["checker"], verdict["findings"]) == ("clean", [])
