"""Two buyers of one car: both publishers are told, once, and neither hears a word of the other."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from contracts.case import Step
from contracts.sale import SaleContestedV1, SaleRefusedV1
from services.intake.notices import Notices
from services.intake.states import States
from services.runtime.record import Record
from tests.intake.test_states import record

OTHERS_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTHERS_WORDS = "样本乙 LB3N92JX5TG920002 号"


@pytest.fixture
def keep(house: Any) -> Any:
    """Apply a snapshot as the subscription does; `platform` and `changan` have topics, `byd` has none."""
    states = States(Notices(frozenset({"platform", "changan"}), house.door.ledger))
    return lambda each: house.run(house.store.run(lambda connection: states.keep(connection, each)))


@pytest.fixture
def rival(event: dict[str, Any]) -> dict[str, Any]:
    """The same car, sold by another dealer under another number to somebody else, by another publisher."""
    data = event["data"] | {"order_no": "ZZ-RIVAL-77", "seller_uscc": "91500105MAJQYKXJ0U", "loan": None}
    data["buyer"] = event["data"]["buyer"] | {"buyer_name": "样本乙", "phone": "13900000077", "address": "样本路77号"}
    return event | {"id": "rival-77", "source": "urn:tongche:publisher:changan", "data": data}


def contested(case_id: str, vin: str, version: int) -> Record:
    """The first case as the journey tells it, under the second sale's trace: here the step's text says too much."""
    trace = f"00-{OTHERS_TRACE}-00f067aa0ba902b7-01"
    return record(case_id, vin, version, "OPEN", steps=(step("C409", OTHERS_WORDS),), traceparent=trace)


def step(rule: str, words: str) -> Step:
    """A note in the story of a case."""
    return Step(rule=rule, facet="order", before="CONFIRMED", after="CONFIRMED", zh=words, en=words)


def said(house: Any, model: type) -> list[Any]:
    """What went to publishers' topics."""
    house.sent[:] = [sent for sent in house.sent if sent.topic.startswith("refused.")]
    return [each for each in house.messages() if isinstance(each.data, model)]


def test_the_second_sale_is_refused_aloud_and_once(
    house: Any, event: dict[str, Any], rival: dict[str, Any], keep: Any
) -> None:
    """On its publisher's topic under the publisher's own id, and by HTTP in words."""
    vin = event["data"]["vin"]
    house.publish(event)
    second = house.publish(rival, publisher="changan").json["id"]
    for _ in range(2):
        keep(record(second, vin, 1, "REFUSED", code="C409"))
    keep(record(second, vin, 2, "REFUSED", code="C409"))
    (refusal,) = said(house, SaleRefusedV1)
    assert refusal.data.source_id == "rival-77"
    assert [(fault.code, fault.field, fault.reason) for fault in refusal.data.faults] == [
        ("C409", "vin", "already_sold")
    ]
    assert [sent.topic for sent in house.sent] == ["refused.changan"]
    shown = house.send("GET", f"/v1/sales/{second}", publisher="changan").json
    assert (shown["status"], shown["code"], shown["words"]["en"]) == (
        "refused",
        "C409",
        "the VIN already has a live case",
    )


def test_the_first_publisher_hears_of_every_second_sale_once(house: Any, event: dict[str, Any], keep: Any) -> None:
    """However often the news comes, and also where it comes behind newer news."""
    vin = event["data"]["vin"]
    first = house.publish(event).json["id"]
    for version in (2, 2, 5, 4, 4):
        keep(contested(first, vin, version))
    notices = said(house, SaleContestedV1)
    assert [notice.data.vin for notice in notices] == [vin] * 3
    assert {sent.topic for sent in house.sent} == {"refused.platform"}
    shown = house.send("GET", f"/v1/sales/{first}").json
    assert [notice["code"] for notice in shown["notices"]] == ["C409"] * 3
    assert "yours stands" in shown["notices"][0]["en"]


def test_who_has_no_topic_is_told_by_http_only(house: Any, event: dict[str, Any], keep: Any) -> None:
    """Nothing is produced where nobody has made a topic."""
    data = event["data"] | {"maker_uscc": "91440300MAPW444F2G"}
    sale = house.publish(event | {"source": "urn:tongche:publisher:byd", "data": data}, publisher="byd").json["id"]
    keep(contested(sale, data["vin"], 2))
    assert said(house, SaleContestedV1) == []
    assert house.send("GET", f"/v1/sales/{sale}", publisher="byd").json["notices"]


def test_neither_notice_has_a_word_of_the_other(
    house: Any, event: dict[str, Any], rival: dict[str, Any], keep: Any
) -> None:
    """Canary: no value of the other's sale, id, source or trace, in whatever a publisher can read."""
    vin = event["data"]["vin"]
    first = house.publish(event).json["id"]
    second = house.publish(rival, publisher="changan").json["id"]
    keep(contested(first, vin, 2))
    keep(record(second, vin, 1, "REFUSED", code="C409"))
    said(house, object)
    told = {
        sent.topic.removeprefix("refused."): repr((sent.key, sent.headers)) + sent.value.decode() for sent in house.sent
    }
    told["platform"] += house.send("GET", f"/v1/sales/{first}").body.decode()
    told["changan"] += house.send("GET", f"/v1/sales/{second}", publisher="changan").body.decode()
    others = _canaries(rival) - _canaries(event) | {OTHERS_TRACE, second, OTHERS_WORDS}
    mine = _canaries(event) - _canaries(rival) | {first}
    assert {"样本乙", "ZZ-RIVAL-77", "rival-77", "13900000077"} <= others
    assert [canary for canary in others if canary in told["platform"]] == []
    assert [canary for canary in mine if canary in told["changan"]] == []


def _canaries(event: dict[str, Any]) -> set[str]:
    """Every text of an event that is long enough to be recognised."""
    return set(re.findall(r'"([^"]{3,})"(?!:)', json.dumps(event, ensure_ascii=False)))


def test_a_refusal_of_another_kind_is_no_notice(house: Any, event: dict[str, Any], keep: Any) -> None:
    """A case that goes on is not contested, whatever else its steps say."""
    first = house.publish(event).json["id"]
    keep(record(first, event["data"]["vin"], 2, "OPEN", steps=(step("C410", "stale"),)))
    assert said(house, SaleContestedV1) == []
    assert house.send("GET", f"/v1/sales/{first}").json["notices"] == []
