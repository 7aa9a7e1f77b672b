"""The risk assessment: what is counted, against which thresholds, and what an officer is asked to decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from contracts.topics import CASE_EVENTS, SALE_EVENTS, poison, to
from services.catalogue import assessment, risk
from services.catalogue.risk import Counted, Gathered

NOW: Final = datetime(2026, 11, 21, 1, tzinfo=UTC)
YESTERDAY: Final = NOW - timedelta(days=1)


def table(name: str, cases: int, *fields: str, **more: Any) -> dict[str, Any]:
    told = {"table": name, "zh": "表", "en": "a table", "fields": list(fields), "rows": cases, "cases": cases}
    return told | {"oldest": "2026-11-20T01:00:00.000Z", "kept_days": None} | more


def service(*tables: dict[str, Any]) -> dict[str, Any]:
    personal = [one["cases"] for one in tables if {"buyer_name", "phone"} & set(one["fields"])]
    cases = max((one["cases"] for one in tables if one["fields"]), default=0)
    return {"tables": list(tables), "cases": cases, "persons": max(personal, default=0)}


def grant(**more: Any) -> dict[str, Any]:
    told = {
        "id": "g-1",
        "subscriber": "bank-one",
        "title": "样例银行 / a bank",
        "contract": "sale.confirmed",
        "version": 2,
        "state": "in-force",
        "until": "2030-01-01T00:00:00+08:00",
        "purpose": "放款 / a loan",
        "legal_basis": "PIPL 13",
        "fields": {"vin": "full", "buyer_name": "full", "engine_no": "masked"},
        "sealed": ["buyer_name"],
        "topics": [to("bank-one", SALE_EVENTS.name).name],
        "faults": [],
    }
    return told | more


def recipient(**more: Any) -> dict[str, Any]:
    told = {
        "subscriber": "bank-one",
        "messages": 41,
        "withheld": 0,
        "vehicles": 12,
        "first_at": YESTERDAY.timestamp(),
        "last_at": NOW.timestamp(),
        "fields": {"vin": ["full"], "buyer_name": ["full"]},
        "contracts": {"sale.confirmed": ["vin", "buyer_name"]},
        "purposes": ["放款 / a loan"],
        "legal_bases": ["PIPL 13"],
    }
    return told | more


GATHERED: Final = Gathered(
    NOW,
    {
        "intake": service(table("submissions", 40, "vin", "order_no")),
        "journey": service(table("cases", 38, "vin", "buyer_name"), table("ledger", 900, "buyer_name", "phone")),
    },
    {SALE_EVENTS: Counted(45, 40, 40, YESTERDAY), CASE_EVENTS: Counted(400, 40, 40, YESTERDAY)},
    [grant()],
    [],
)


def of(gathered: Gathered) -> dict[str, dict[str, Any]]:
    """Every store by name."""
    return {store["store"]: store for store in risk.report(gathered)["stores"]}


def findings(gathered: Gathered) -> dict[str, str]:
    """What is found, in English, by what it is about."""
    return {told["about"]: told["en"] for told in risk.report(gathered)["findings"]}


def large(persons: int) -> Gathered:
    """The same with so many persons."""
    return replace(GATHERED, topics={SALE_EVENTS: Counted(persons, persons, persons, YESTERDAY)})


@pytest.mark.parametrize(
    ("persons", "reached", "margin"),
    [(100_000, [False, False], 0), (100_001, [True, False], -1), (10_000_001, [True, True], -9_900_001)],
)
def test_a_threshold_is_reached_by_more_than_its_number(persons: int, reached: list[bool], margin: int) -> None:
    """100,000 persons are not more than 100,000 (the 2021 Provisions), 10 million not more than 10 million (NDR 28)."""
    report = risk.report(large(persons))
    assert [one["reached"] for one in report["thresholds"]] == reached
    assert (report["persons"], report["largest"], report["thresholds"][0]["margin"]) == (persons, "sale.events", margin)
    assert ("sale.events" in findings(large(persons))) == reached[0]


def test_nobody_inside_holds_more_cases_than_the_door_has_accepted() -> None:
    """900 stored outcomes without a case's name are those of at most 40 persons."""
    stores = of(GATHERED)
    assert (stores["journey.ledger"]["amount"], stores["journey.ledger"]["persons"]) == (900, 40)
    assert (stores["journey"]["persons"], stores["journey.cases"]["persons"]) == (40, 38)


def test_a_vin_alone_is_a_case_and_no_person() -> None:
    """The door and the state of cases know cars; a topic of sales knows buyers."""
    stores = of(GATHERED)
    assert (stores["intake"]["cases"], stores["intake"]["persons"]) == (40, 0)
    assert (stores["case.events"]["cases"], stores["case.events"]["persons"]) == (40, 0)
    assert (stores["sale.events"]["persons"], stores["sale.events"]["grade"]) == (40, "G4")
    assert "buyer_id_no" in stores["sale.events"]["personal_fields"]


def test_a_subscribers_topic_holds_what_its_grants_show() -> None:
    """A name and no identity number, though the contract has one."""
    own = to("bank-one", SALE_EVENTS.name)
    store = of(replace(GATHERED, topics={own: Counted(9, 7, 7, YESTERDAY)}))[own.name]
    assert (store["personal_fields"], store["persons"], store["grade"]) == (["buyer_name"], 7, "G3")


def test_a_message_about_a_car_is_one_of_no_person() -> None:
    """On a topic with both, those count that may name somebody: of nine cases two were sold and seven returned."""
    own = to("bank-one", SALE_EVENTS.name)
    store = of(replace(GATHERED, topics={own: Counted(9, 9, 2, YESTERDAY)}))[own.name]
    assert (store["cases"], store["persons"]) == (9, 2)


GONE: Final = grant(state="removed", title=None, fields={}, sealed=[], purpose=None, legal_basis=None)
"""As the projection tells a grant that the file does not have any more."""
OWN: Final = to("bank-one", SALE_EVENTS.name)


def test_what_a_removed_grant_has_shown_still_stands_on_the_topic() -> None:
    """Beside one that tells a car alone; what was shown of other contracts stands elsewhere, and others' as well."""
    car = grant(id="g-2", fields={"vin": "full"}, sealed=[])
    shown = recipient(contracts={"sale.confirmed": ["vin", "buyer_name"], "tax.paid": ["tax_no"]})
    other = recipient(subscriber="bank", contracts={"sale.confirmed": ["phone"]})
    gathered = replace(
        GATHERED, grants=[GONE, car], recipients=[shown, other], topics={OWN: Counted(9, 7, 7, YESTERDAY)}
    )
    store = of(gathered)[OWN.name]
    assert (store["personal_fields"], store["persons"], store["grade"]) == (["buyer_name"], 7, "G3")


def test_the_topic_of_a_removed_grant_is_counted() -> None:
    """The projection says where each grant ran; a topic that can be had no more holds what nobody can say."""
    old = to("bank-one", "parcel.events")
    assert list(risk.topics_of_grants([GONE, grant(topics=[])])) == [OWN]
    assert list(risk.topics_of_grants([grant(topics=[old.name])])) == [old]
    gathered = replace(GATHERED, grants=[], topics={old: Counted(3, 2, 2, YESTERDAY)})
    assert (of(gathered)[old.name]["grade"], of(gathered)[old.name]["persons"]) == ("G4", 2)


def test_purposes_and_bases_are_those_on_record() -> None:
    """Whether the grant was removed since, or goes on for another purpose."""
    for today in (GONE, grant(purpose="另一目的 / another", legal_basis="another")):
        (told,) = risk.report(replace(GATHERED, grants=[today], recipients=[recipient()]))["recipients"]
        assert (told["purposes"], told["legal_bases"]) == (["放款 / a loan"], ["PIPL 13"])


def test_what_was_withheld_is_told_beside_what_was_shown() -> None:
    """It counts as no disclosure; where nothing was withheld there is no word about it."""
    for withheld, is_told in ((1, True), (0, False)):
        report = risk.report(replace(GATHERED, recipients=[recipient(withheld=withheld)]))
        assert (report["recipients"][0]["messages"], report["recipients"][0]["withheld"]) == (41, withheld)
        assert ("and 1 withheld" in assessment.page(report)) is is_told


def test_bytes_that_nobody_could_decode_may_be_about_anybody() -> None:
    """They count, in the highest class, and a person is asked to look."""
    unread = poison(SALE_EVENTS)
    gathered = replace(GATHERED, topics={unread: Counted(3, 3, 0, YESTERDAY)})
    assert (of(gathered)[unread.name]["grade"], of(gathered)[unread.name]["persons"]) == ("G4", 3)
    assert "decode" in findings(gathered)[unread.name]


@pytest.mark.parametrize(("days", "past"), [(90, False), (91, True)])
def test_what_is_past_its_retention_is_named(days: int, past: bool) -> None:  # noqa: FBT001 - a table of cases
    """The topic of sales keeps 90 days."""
    gathered = replace(GATHERED, topics={SALE_EVENTS: Counted(1, 1, 1, NOW - timedelta(days=days))})
    assert of(gathered)["sale.events"]["past"] is past
    assert ("sale.events" in findings(gathered)) is past


def test_what_has_no_end_is_named() -> None:
    """A table with persons or cars, and what is to be decided; none that has an end or is empty, and no list."""
    endless = {about: said for about, said in findings(GATHERED).items() if "PIPL 47" in said}
    assert {about: "VINs" in said for about, said in endless.items()} == {
        "journey.cases": False,
        "journey.ledger": False,
        "intake.submissions": True,
    }
    assert all("To decide: how long" in said for said in endless.values())
    ending = {
        "intake": service(
            table("submissions", 40, "vin", kept_days=90), table("spare", 0, "vin"), table("codes", 9, "code")
        ),
        "journey": service(table("cases", 1, "buyer_name", kept_days=1095)),
    }
    assert findings(replace(GATHERED, services=ending)) == {}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (grant(until="2027-02-01T00:00:00+08:00"), "the grant ends at"),
        (grant(state="refused", fields={}, sealed=[], faults=[{"field": "loan_amount"}]), "(A403): loan_amount"),
        (grant(sealed=[]), "told in clear: buyer_name"),
    ],
)
def test_a_grant_that_needs_somebody_is_named(told: dict[str, Any], said: str) -> None:
    """One near its end, one that was refused, one whose G3 or G4 fields are not sealed; by fields, never by values."""
    assert said in findings(replace(GATHERED, grants=[told]))["bank-one · g-1"]
    assert "bank-one · g-1" not in findings(GATHERED)


def test_each_class_is_counted_once_and_says_where_it_is() -> None:
    """Four grades, personal and sensitive personal information."""
    inventory = {row["class"]: row for row in risk.report(GATHERED)["inventory"]}
    assert list(inventory) == ["G1", "G2", "G3", "G4", "PI", "SPI"]
    assert inventory["PI"]["databases"] == ["journey"]
    assert inventory["PI"]["topics"] == 1
    assert inventory["G2"]["databases"] == ["intake", "journey"]


def test_the_document_shows_all_of_it_with_room_for_a_signature() -> None:
    """Recipients with purpose and basis, the method in words, the moment; and what is told is told as text."""
    evil = recipient(purposes=["<script>alert(1)</script>"])
    report = risk.report(replace(GATHERED, recipients=[evil], files={"evidence": 40}))
    text = assessment.page(report)
    for shown in ("2026-11-21 09:00", "bank-one", "PIPL 13", "100,000", "负责人", "Each service counts", "evidence"):
        assert shown in text
    assert "<script" not in text
    assert text == assessment.page(report)
