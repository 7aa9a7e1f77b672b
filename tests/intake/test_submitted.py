"""Makers on Kafka: the same checks as at the HTTP door, and never a silent refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.sale import SaleRefusedV1
from services.intake.submitted import Submitted
from services.runtime.record import Record
from services.runtime.subscription import Subscription, TransactionalWork, by_place

SOURCE = "urn:tongche:publisher:changan"


class Producer:
    """Stands where poison would go; nothing may come."""

    async def send(self, message: object) -> None:
        raise AssertionError(message)


class Feed:
    """Hands records to the subscription as the lanes would, one offset after another."""

    def __init__(self, house: Any) -> None:
        self.house = house
        subscription = Subscription(
            "intake.submit", ("submit.changan",), Submitted(house.publishers, house.door.ledger).apply, by_place
        )
        self.work = TransactionalWork(subscription, house.store, Producer())  # type: ignore[arg-type]
        self.offset = -1

    def hand(self, headers: dict[str, bytes], value: bytes | None, topic: str = "submit.changan") -> None:
        self.offset += 1
        self.again(headers, value, topic)

    def again(self, headers: dict[str, bytes], value: bytes | None, topic: str = "submit.changan") -> None:
        record = Record(topic, 0, self.offset, "", tuple(headers.items()), value)
        self.house.run(self.work.handle(record, None))

    @property
    def refusals(self) -> list[SaleRefusedV1]:
        data = [message.data for message in self.house.messages()]
        return [each for each in data if isinstance(each, SaleRefusedV1)]


@pytest.fixture
def feed(house: Any) -> Feed:
    """The subscription on a fresh store."""
    return Feed(house)


@pytest.fixture
def headers(event: dict[str, Any]) -> dict[str, bytes]:
    """The attributes of a valid event of the maker."""
    names = ("specversion", "type", "time")
    attributes = {f"ce_{name}": str(event[name]).encode() for name in names}
    return attributes | {"ce_id": b"maker-1", "ce_source": SOURCE.encode(), "content-type": b"application/json"}


@pytest.fixture
def value(event: dict[str, Any]) -> bytes:
    """Its data."""
    return json.dumps(event["data"], ensure_ascii=False).encode()


def test_a_makers_sale_comes_in(feed: Feed, headers: dict[str, bytes], value: bytes) -> None:
    """Published under an id of ours, with the maker's as sourceid; the maker can ask about it over HTTP."""
    feed.hand(headers, value)
    (message,) = feed.house.messages()
    assert (feed.house.sent[0].topic, message.envelope.sourceid, message.envelope.source) == (
        "sale.events",
        "maker-1",
        SOURCE,
    )
    assert feed.house.send("GET", f"/v1/sales/{message.envelope.id}", publisher="changan").status == 200


def test_structured_mode_means_the_same(
    feed: Feed, headers: dict[str, bytes], value: bytes, event: dict[str, Any]
) -> None:
    """Whichever mode comes first, the other is the same event."""
    feed.hand(headers, value)
    body = json.dumps(event | {"id": "maker-1", "source": SOURCE}).encode()
    feed.hand({"content-type": b"application/cloudevents+json"}, body)
    assert len(feed.house.sent) == 1


def test_a_record_read_twice_is_dealt_with_once(feed: Feed, headers: dict[str, bytes]) -> None:
    """Also a refusal is not repeated when Kafka delivers again."""
    feed.hand(headers, b"{}")
    feed.again(headers, b"{}")
    assert len(feed.house.sent) == 1


def test_the_same_id_with_other_content_is_refused_aloud(feed: Feed, headers: dict[str, bytes], value: bytes) -> None:
    """The publisher hears of it, though its id was seen before."""
    feed.hand(headers, value)
    feed.hand(headers, value.replace(b'"seats": 5', b'"seats": 7'))
    (refusal,) = feed.refusals
    assert refusal.source_id == "maker-1"
    assert [fault.reason for fault in refusal.faults] == ["used_for_other_content"]


def test_a_refusal_names_every_fault_and_no_value(feed: Feed, headers: dict[str, bytes], event: dict[str, Any]) -> None:
    """It goes to the publisher's own topic, under a hashed key."""
    data = event["data"] | {"seats": 0, "vin": "LS5A6BBW0TJ540001"}
    data["buyer"] = data["buyer"] | {"buyer_id_no": "110105198301300008"}
    feed.hand(headers, json.dumps(data).encode())
    (sent,) = feed.house.sent
    assert sent.topic == "refused.changan"
    assert {fault.field for fault in feed.refusals[0].faults} == {"seats", "vin", "buyer.buyer_id_no"}
    for told in ("110105198301300008", "样本", "LS5A6BBW0TJ540001"):
        assert told.encode() not in sent.value
    assert "maker-1" not in sent.key


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ({}, b""),
        ({}, None),
        ({"ce_id": b"\xff"}, b"{}"),
        ({"ce_specversion": b"1.0", "ce_id": b"x" * 300}, b"\xff\xfe"),
        ({"content-type": b"application/cloudevents+json"}, b"[" * 100_000),
        ({"content-type": b"application/cloudevents+json"}, b"null"),
    ],
)
def test_what_cannot_be_read_is_refused_too(feed: Feed, headers: dict[str, bytes], value: bytes | None) -> None:
    """By its place on the topic, where it has no id that can be told back."""
    feed.hand(headers, value)
    (refusal,) = feed.refusals
    assert refusal.source_id == "submit.changan/0/0"
    assert refusal.faults


def test_a_topic_binds_source_and_parties(feed: Feed, headers: dict[str, bytes], value: bytes) -> None:
    """What one maker produces cannot speak for another, nor about another's cars."""
    feed.hand(headers | {"ce_source": b"urn:tongche:publisher:byd"}, value)
    feed.hand(headers | {"ce_source": b"urn:tongche:publisher:byd"}, value, topic="submit.byd")
    assert [[fault.code for fault in refusal.faults] for refusal in feed.refusals] == [["A403"], ["A403"]]
    assert [sent.topic for sent in feed.house.sent] == ["refused.changan", "refused.byd"]
