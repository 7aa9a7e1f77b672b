"""What a publisher is told of its case, from the journey's snapshots."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.case import CaseChangedV1, Facet
from contracts.concerns import Concerns
from contracts.envelope import Undecodable, message
from contracts.sale import SaleCancelledV1
from services.intake.notices import Notices
from services.intake.states import States
from services.runtime.record import Record, outgoing

NOW = datetime(2026, 11, 2, tzinfo=UTC)


def record(case_id: str, vin: str, version: int, headline: str, **more: Any) -> Record:
    trace, concerns = more.pop("traceparent", None), more.pop("concerns", None)
    data = CaseChangedV1.model_validate(
        {
            "vin": vin,
            "order_no": "1",
            "kind": "new-car",
            "version": version,
            "headline": headline,
            "opened_at": NOW,
            "changed_at": NOW,
            "owner": "张三",
            "facets": (
                Facet(name="tax", state="PAID"),
                Facet(name="loan", state="REJECTED", code="B451"),
                Facet(name="mort", state="REGISTERED"),
                Facet(name="ins", state="NONE", hold="D422", owner="张三"),
            ),
        }
        | more
    )
    said = message(
        data, id=f"c{version}", source="urn:j", subject=case_id, time=NOW, traceparent=trace, concerns=concerns
    )
    sent = outgoing("case.events", "k", said)
    return Record("case.events", 0, version, "k", sent.headers, sent.value)


@pytest.fixture
def keep(house: Any) -> Any:
    """Apply a snapshot as the subscription does; `platform` and `changan` have topics, `byd` has none."""
    states = States(Notices(frozenset({"platform", "changan"}), house.door.ledger))
    return lambda each: house.run(house.store.run(lambda connection: states.keep(connection, each)))


def test_a_sale_shows_its_newest_snapshot(house: Any, event: dict[str, Any], keep: Any) -> None:
    """Also when an older one comes later."""
    vin = event["data"]["vin"]
    url = house.publish(event).headers["location"]
    case = url.rsplit("/", 1)[1]
    keep(record(case, vin, 1, "OPEN"))
    assert house.send("GET", url).json["status"] == "open"
    keep(record(case, vin, 3, "HOLD"))
    keep(record(case, vin, 2, "OPEN"))
    assert house.send("GET", url).json["status"] == "hold"
    keep(record(case, vin, 4, "REFUSED", code="C409"))
    shown = house.send("GET", url).json
    assert (shown["status"], shown["code"]) == ("refused", "C409")


def test_facets_are_shown_as_a_dealer_may_see_them(house: Any, event: dict[str, Any], keep: Any) -> None:
    """The bank's decision is nobody's business, a mortgage is there or not, and no owner's name is told."""
    url = house.publish(event).headers["location"]
    keep(record(url.rsplit("/", 1)[1], event["data"]["vin"], 1, "HOLD"))
    answer = house.send("GET", url)
    assert answer.json["facets"] == [
        {"name": "tax", "state": "PAID"},
        {"name": "mort", "state": "DONE", "done": True},
        {"name": "ins", "state": "NONE", "hold": "D422"},
    ]
    assert "张三" not in answer.body.decode()


def test_a_correction_passes_over_a_refused_second_sale(house: Any, event: dict[str, Any], keep: Any) -> None:
    """It belongs to the sale that lives, though the refused one is newer."""
    vin = event["data"]["vin"]
    first = house.publish(event).json["id"]
    second = house.publish(event | {"id": "2"}).json["id"]
    keep(record(second, vin, 1, "REFUSED", code="C409"))
    cancellation = event | {"id": "3", "type": "tongche.sale.cancelled.v1", "data": {"vin": vin, "reason": "样本"}}
    assert house.publish(cancellation).json["case_id"] == first


def test_what_follows_concerns_whom_the_case_concerns_now(house: Any, event: dict[str, Any], keep: Any) -> None:
    """The bank hears that its loan is off, and nothing after that; should the loan stand again, it hears again."""
    data = event["data"]
    sale = house.publish(event).json["id"]
    reason = {"vin": data["vin"], "reason": "样本"}
    correction = event | {"type": "tongche.sale.corrected.v1"}
    house.publish(correction | {"id": "cash", "data": reason | {"pay_cash": True}})
    house.publish(correction | {"id": "moved", "data": reason | {"phone": "15487604561"}})
    sold, cash, moved = (Concerns.parse(message.envelope.concerns) for message in house.messages())
    assert sold == cash == moved._replace(lender=sold.lender)
    assert (bool(sold.lender), moved.lender) == (True, "")
    keep(record(sale, data["vin"], 2, "OPEN", concerns=str(sold)))
    house.publish(correction | {"id": "again", "data": reason | {"phone": "15487604562"}})
    assert house.messages()[-1].envelope.concerns == str(sold)


def test_a_return_is_followed_in_the_case_that_it_opened(house: Any, event: dict[str, Any], keep: Any) -> None:
    """The sale stays closed; of a second sale that was refused nobody is led to the case of the other's car."""
    vin, order_no = event["data"]["vin"], event["data"]["order_no"]
    sold = house.publish(event).json["id"]
    rival = event | {
        "source": "urn:tongche:publisher:byd",
        "data": event["data"] | {"maker_uscc": "91440300MAPW444F2G"},
    }
    refused = house.publish(rival, publisher="byd").json["id"]
    keep(record(sold, vin, 9, "CLOSED", order_no=order_no))
    keep(record(refused, vin, 1, "REFUSED", code="C409", order_no=order_no))
    told = {"id": "r", "type": "tongche.sale.returned.v1"}
    data = {"vin": vin, "returned_on": "2026-11-01", "reason": "样本"}
    mine = house.publish(event | told | {"data": data}).headers["location"]
    theirs = house.publish(rival | told | {"data": data}, publisher="byd").headers["location"]
    keep(record("returned-1", vin, 1, "OPEN", kind="returned-car", order_no=order_no))
    shown = house.send("GET", mine).json
    assert (shown["case_id"], shown["status"]) == ("returned-1", "open")
    assert house.send("GET", f"/v1/sales/{sold}").json["status"] == "closed"
    assert house.send("GET", theirs, publisher="byd").json["case_id"] == refused


def test_another_message_is_poison_not_a_snapshot(house: Any, event: dict[str, Any], keep: Any) -> None:
    """The runtime puts aside what raises `Undecodable`."""
    data = SaleCancelledV1(vin=event["data"]["vin"], reason="样本")
    sent = outgoing("case.events", "k", message(data, id="x", source="urn:j", subject="x", time=NOW))
    with pytest.raises(Undecodable):
        keep(Record("case.events", 0, 0, "k", sent.headers, sent.value))
