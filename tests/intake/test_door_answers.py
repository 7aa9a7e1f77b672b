"""One event at a time: what comes in, what does not, and how either is answered."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.keys import vehicle_key
from contracts.sale import SALE_CONFIRMED, concerned


def test_a_sale_is_acknowledged_with_its_place_and_published_as_it_was_said(house: Any, event: dict[str, Any]) -> None:
    """202 tells id, place and code 0, and one message carries the data under that id."""
    answer = house.publish(event)
    assert answer.status == 202
    id_ = answer.json["id"]
    assert answer.headers["location"] == answer.json["status_url"] == f"/v1/sales/{id_}"
    assert answer.json["code"] == "0"
    (message,) = house.messages()
    assert message.envelope.id == message.envelope.subject == id_
    assert (message.envelope.source, message.envelope.sourceid) == (event["source"], "order-1")
    assert SALE_CONFIRMED.down(2, message.data).model_dump(mode="json", exclude_none=True) == event["data"]
    assert house.sent[0].topic == "sale.events"
    assert house.sent[0].key == vehicle_key(b"k" * 32, event["data"]["vin"])


def test_binary_mode_means_the_same_as_structured_mode(house: Any, event: dict[str, Any]) -> None:
    """An event sent again in the other mode is found to be the same one."""
    first = house.publish(event).json["id"]
    headers = {f"ce_{name}": event[name] for name in ("specversion", "id", "source", "type", "time")}
    again = house.send("POST", "/v1/sales", json.dumps(event["data"]), Content_Type="application/json", **headers)
    assert (again.status, again.json["id"], again.json["code"]) == (202, first, "1")


def test_version_one_is_published_as_version_one(house: Any, event: dict[str, Any]) -> None:
    """The older contract is taken in as it is; whoever reads it sees the newest."""
    data = event["data"]
    buyer = data.pop("buyer")
    data["price"] = data.pop("amount_incl")
    for name in ("amount_excl", "vat", "loan"):
        data.pop(name)
    answer = house.publish(event | {"type": "tongche.sale.confirmed.v1", "data": data | buyer})
    assert answer.status == 202, answer.body
    assert dict(house.sent[0].headers)["ce_type"] == b"tongche.sale.confirmed.v1"
    assert house.messages()[0].data.amount_incl == data["price"]


def test_every_fault_is_told_at_once_and_no_value_is(house: Any, event: dict[str, Any]) -> None:
    """Faults of the VIN, of a person's number, of a rule between fields and of an unknown field come together."""
    data = event["data"]
    data["vin"] = data["vin"][:-1] + "0"
    data["buyer"]["buyer_id_no"] = "110105198301300008"
    data["seats"] = 12
    data["loan"]["loan_amount"] = data["amount_incl"] + 1
    data["13912345678"] = "x"
    answer = house.publish(event)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    fields = {error["field"] for error in answer.json["errors"]}
    assert {"vin", "buyer.buyer_id_no", "seats", "loan.loan_amount"} <= fields
    assert answer.codes == {"V101", "V102"}
    assert not house.sent
    for value in (data["vin"], data["buyer"]["buyer_id_no"], data["buyer"]["buyer_name"], "13912345678"):
        assert value.encode() not in answer.body


def test_a_wrong_check_digit_comes_with_the_right_vin(house: Any, event: dict[str, Any]) -> None:
    """V101 suggests, and never corrects."""
    right = event["data"]["vin"]
    event["data"]["vin"] = right[:8] + ("1" if right[8] != "1" else "2") + right[9:]
    (error,) = house.publish(event).json["errors"]
    assert (error["code"], error["suggestion"]) == ("V101", right)


def test_what_no_agency_could_finish_is_refused_before_anything_is_paid(house: Any, event: dict[str, Any]) -> None:
    """A car that burns without its displacement, and a place whose police are not among those that give our plates."""
    event["data"] |= {"fuel_kind": "HEV", "displacement": None, "engine_no": "4G156270845"}
    event["data"]["buyer"] |= {"region": "810000"}
    assert house.publish(event).json["errors"] == [
        {"code": "V102", "field": "displacement", "reason": "missing"},
        {"code": "V102", "field": "buyer.region", "reason": "not_served"},
    ]


def test_a_sale_of_the_day_after_tomorrow_is_refused(house: Any, event: dict[str, Any]) -> None:
    """Today and tomorrow are accepted, because clocks differ; later days are not."""
    event["data"]["sold_on"] = "2026-11-04"
    assert house.publish(event).json["errors"] == [{"code": "V102", "field": "sold_on", "reason": "in_the_future"}]
    event["data"]["sold_on"] = "2026-11-03"
    assert house.publish(event).status == 202


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", "Basic dXNlcjpwdw==", "Bearer token-of-Platform"]
)
def test_without_a_right_token_nobody_comes_in(house: Any, event: dict[str, Any], authorization: str) -> None:
    """401 says how to authenticate."""
    answer = house.publish(event, publisher=None, Authorization=authorization)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json["type"] == "urn:tongche:problem:unauthenticated"


@pytest.mark.parametrize("source", ["urn:tongche:publisher:byd", "urn:tongche:publisher:platform2", "urn:x"])
def test_a_publisher_speaks_for_its_own_source_only(house: Any, event: dict[str, Any], source: str) -> None:
    """Another's source is A403, and so is one that only begins alike."""
    answer = house.publish(event | {"source": source})
    assert (answer.status, answer.codes, answer.json["errors"][0]["field"]) == (403, {"A403"}, "source")


def test_a_source_below_the_publishers_own_is_its_own(house: Any, event: dict[str, Any]) -> None:
    """A colon or a slash goes one level down."""
    assert house.publish(event | {"source": "urn:tongche:publisher:platform:store-7"}).status == 202


def test_a_sale_must_name_its_publisher_as_a_party(house: Any, event: dict[str, Any]) -> None:
    """A token for one USCC cannot publish the sale of another, but the maker may publish its dealer's."""
    other = house.publish(event | {"source": "urn:tongche:publisher:byd"}, publisher="byd")
    assert (other.status, other.codes, other.json["errors"][0]["field"]) == (403, {"A403"}, "seller_uscc")
    assert house.publish(event | {"source": "urn:tongche:publisher:changan"}, publisher="changan").status == 202


def test_same_content_gets_the_same_answer(house: Any, event: dict[str, Any]) -> None:
    """Five deliveries make one sale: code 1 from the second on, and one message."""
    answers = [house.publish(event) for _ in range(5)]
    assert [answer.status for answer in answers] == [202] * 5
    assert len({answer.json["id"] for answer in answers}) == 1
    assert [answer.json["code"] for answer in answers] == ["0", "1", "1", "1", "1"]
    assert len(house.sent) == 1


def test_another_content_under_the_same_id_is_refused(house: Any, event: dict[str, Any]) -> None:
    """422 says that the id is taken, and shows neither content."""
    house.publish(event)
    event["data"]["buyer"]["buyer_name"] = "另一位样本"
    answer = house.publish(event)
    assert (answer.status, answer.json["type"]) == (422, "urn:tongche:problem:idempotency-conflict")
    assert "样本" not in answer.body.decode()
    assert len(house.sent) == 1


def test_the_same_id_in_flight_is_a_conflict_until_it_is_durable(
    house: Any, event: dict[str, Any], condition: Callable[[Callable[[], object]], None]
) -> None:
    """409 while the first one is not stored; the first one is acknowledged all the same, and then replayed."""
    go = threading.Event()
    house.loop.call_soon_threadsafe(lambda: house.loop.create_task(house.store.run(lambda _: go.wait(20))))
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(house.publish(event)))
    thread.start()
    condition(lambda: house.door._taking)
    second = house.publish(event)
    assert (second.status, second.headers["retry-after"]) == (409, "1")
    assert not first
    go.set()
    thread.join()
    assert (first[0].status, first[0].json["code"]) == (202, "0")
    assert house.publish(event).json["code"] == "1"


def test_a_store_that_cannot_write_acknowledges_nothing(
    either_house: Any, event: dict[str, Any], samples: Path
) -> None:
    """503 asks to come again, nothing is published, and once the disk is back the same event comes in."""
    house = either_house
    house.write_protect(on=True)
    for given in (event, [event, event | {"id": "order-2"}]):
        answer = house.publish(given)
        assert (answer.status, answer.json["type"]) == (503, "urn:tongche:problem:unavailable")
        assert answer.headers["retry-after"] == "5"
    assert house.upload((samples / "sales.csv").read_bytes()).status == 503
    assert not house.sent
    house.write_protect(on=False)
    assert house.publish(event).json["code"] == "0"


def test_a_batch_gets_a_result_for_each_item(house: Any, event: dict[str, Any]) -> None:
    """Good, repeated, conflicting, broken, foreign and senseless items stand side by side."""
    other = event | {"data": event["data"] | {"seats": 7}}
    broken = event | {"id": "order-3", "data": {}}
    foreign = event | {"id": "order-4", "source": "urn:tongche:publisher:byd"}
    answer = house.publish([event, event, other, broken, foreign, 7, event | {"id": ""}])
    assert answer.status == 200
    results = answer.json["results"]
    assert [result["status"] for result in results] == [202, 202, 422, 422, 403, 400, 400]
    assert [result["id"] for result in results] == ["order-1", "order-1", "order-1", "order-3", "order-4", None, None]
    assert [result.get("code") for result in results[:2]] == ["0", "1"]
    assert results[0]["location"] == results[1]["location"]
    assert results[2]["type"] == "urn:tongche:problem:idempotency-conflict"
    assert len(house.sent) == 1


def test_what_comes_after_a_sale_follows_it(house: Any, event: dict[str, Any]) -> None:
    """Correction, cancellation and return have its case, key and parties, and can be asked about."""
    vin = event["data"]["vin"]
    sale_id = house.publish(event).json["id"]
    told: dict[str, dict[str, Any]] = {
        "corrected": {"pay_cash": True},
        "cancelled": {},
        "returned": {"returned_on": "2026-11-01"},
    }
    for kind, data in told.items():
        body = event | {"id": kind, "type": f"tongche.sale.{kind}.v1", "data": {"vin": vin, "reason": "样本"} | data}
        answer = house.publish(body)
        assert (answer.status, answer.json["case_id"]) == (202, sale_id)
        shown = house.send("GET", answer.headers["location"]).json
        assert (shown["case_id"], shown["status"]) == (sale_id, "received")
    assert [message.envelope.subject for message in house.messages()] == [sale_id] * 4
    whose = concerned(SALE_CONFIRMED.model(2).model_validate_json(json.dumps(event["data"])))
    assert whose.seller == event["data"]["seller_uscc"]
    assert whose.lender == event["data"]["loan"]["lender_uscc"]
    # Since it is paid in cash, no bank is concerned.
    told_to = [str(whose)] * 2 + [str(whose._replace(lender=""))] * 2
    assert [message.envelope.concerns for message in house.messages()] == told_to
    assert len({sent.key for sent in house.sent}) == 1


def test_a_car_cannot_have_gone_back_in_the_future(house: Any, event: dict[str, Any]) -> None:
    """As no sale may be dated ahead; a day's grace is for clocks that are past midnight."""
    house.publish(event)
    returned = event | {"id": "r", "type": "tongche.sale.returned.v1"}
    data = {"vin": event["data"]["vin"], "reason": "样本"}
    refused = house.publish(returned | {"data": data | {"returned_on": "2026-11-04"}})
    assert refused.status == 422
    assert refused.json["errors"] == [{"code": "V102", "field": "returned_on", "reason": "in_the_future"}]
    assert house.publish(returned | {"data": data | {"returned_on": "2026-11-03"}}).status == 202


def test_an_unknown_type_is_told_which_are_taken(house: Any, event: dict[str, Any]) -> None:
    """The description says the same as the refusal."""
    refused = house.publish(event | {"type": "tongche.sale.forgotten.v1"})
    taken = house.send("GET", "/openapi.json").json["paths"]["/v1/sales"]["post"]["requestBody"]["content"]
    named = taken["application/cloudevents+json"]["schema"]["properties"]["type"]["enum"]
    assert refused.status == 422
    assert refused.json["detail"].endswith(", ".join(named))
    assert "tongche.sale.returned.v1" in named


def test_only_ones_own_sale_can_be_corrected(house: Any, event: dict[str, Any]) -> None:
    """An unknown sale and another publisher's look alike."""
    correction = event | {
        "id": "c", "type": "tongche.sale.cancelled.v1", "data": {"vin": event["data"]["vin"], "reason": "样本"},
    }  # fmt: skip
    unknown = house.publish(correction)
    house.publish(event)
    anothers = house.publish(correction | {"source": "urn:tongche:publisher:changan"}, publisher="changan")
    assert unknown.status == anothers.status == 422
    assert unknown.body == anothers.body
    assert unknown.json["errors"] == [{"code": "V102", "field": "vin", "reason": "unknown_sale"}]


def test_a_sale_is_shown_to_its_publisher_only(house: Any, event: dict[str, Any]) -> None:
    """By id and by order number; for everybody else it does not exist."""
    answer = house.publish(event)
    shown = house.send("GET", answer.headers["location"])
    assert (shown.status, shown.json["status"]) == (200, "received")
    assert "样本" not in shown.body.decode()
    order_no = event["data"]["order_no"]
    assert [sale["id"] for sale in house.send("GET", f"/v1/sales?order_no={order_no}").json["sales"]] == [
        answer.json["id"]
    ]
    assert house.send("GET", answer.headers["location"], publisher="byd").status == 404
    assert house.send("GET", f"/v1/sales?order_no={order_no}", publisher="byd").json == {"sales": []}
    assert house.send("GET", answer.headers["location"], publisher=None).status == 401


def test_a_trace_that_comes_in_goes_on_in_the_message(house: Any, event: dict[str, Any]) -> None:
    """A valid traceparent is continued; an invalid one is passed over, and a new trace begins."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    house.publish(event, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    house.publish(event | {"id": "2"}, traceparent=f"00-{trace.upper()}-00f067aa0ba902b7-01")
    first, second = (message.envelope.traceparent for message in house.messages())
    assert first is not None
    assert first.split("-")[1] == trace
    assert second is not None
    assert second.split("-")[1] != trace


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("DELETE", "/v1/sales", 405), ("PUT", "/v1/sales/x", 405), ("GET", "/v1/sales", 400)],
)
def test_whatever_else_is_asked_is_answered_with_a_problem(house: Any, method: str, path: str, status: int) -> None:
    """Also the framework's own answers are problem documents."""
    answer = house.send(method, path)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert answer.json["type"].startswith("urn:tongche:problem:")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "application/json"}, 415),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": ""}, 415),
        ({"Content_Type": "application/cloudevents+json; charset=gbk"}, 415),
        ({"Content_Type": "application/cloudevents+json", "Content_Encoding": "gzip"}, 415),
        ({"Content_Type": "APPLICATION/CloudEvents+JSON; charset=UTF-8"}, 202),
    ],
)
def test_the_media_type_decides(house: Any, event: dict[str, Any], headers: dict[str, str], status: int) -> None:
    """A wrong one is told what would be right."""
    answer = house.send("POST", "/v1/sales", json.dumps(event), **headers)
    assert answer.status == status
    assert status == 202 or answer.json["detail"]


def test_too_much_is_refused_while_it_comes(house: Any) -> None:
    """Over a mebibyte for an event and sixteen for a file, with and without a length told beforehand."""
    event = b" " * (1024 * 1024 + 1)
    assert house.publish(event).status == 413
    assert house.send(
        "POST", "/v1/sales", iter([event[:700_000], event[:700_000]]), Content_Type="application/cloudevents+json"
    ).status == 413  # fmt: skip
    assert house.upload(b"x" * (16 * 1024 * 1024 + 1)).status == 413
