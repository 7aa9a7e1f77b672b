"""What policy has decided about a case and will decide, and what other packs would change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import Pack, Policies, load, on_trial
from contracts.policy.purchase_tax import purchase_tax
from contracts.sale import SaleReturnedV1
from services.journey.case import Case
from services.journey.outlook import Change, Outlook, Question, outlook, trial
from tests.journey.road import BUYER, EXPORT, LOAN, POLICIES, VIN, Road, sale

_TODAY = date(2026, 5, 5)
_SOLD = date(2026, 5, 4)
_NEXT_YEARS = {
    "id": "NEV-T",
    "status": "DRAFT",
    "approved_by": None,
    "supersedes": "NEV-26",
    "effective_from": date(2026, 5, 1),
    "effective_to": None,
}


def _pack(pack_id: str, **changes: Any) -> Pack:
    """A shipped pack with other entries; `params` are put among its own."""
    pack = next(pack for pack in load().packs if pack.id == pack_id).model_dump()
    params = pack["params"] | changes.pop("params", {})
    return Pack.model_validate(pack | changes | {"params": params})


def _looked(case: Case, policies: Policies = POLICIES, today: date = _TODAY) -> dict[str, Question]:
    return {question.rule: question for question in outlook(case, policies, today).questions}


def _stages(found: Outlook) -> dict[str, str]:
    return {question.rule: question.stage for question in found.questions}


def _tried(cases: Iterable[Case], draft: Pack, today: date = _TODAY) -> list[Change]:
    return list(trial(cases, POLICIES, on_trial(POLICIES, draft), today))


def test_a_new_sale_has_every_question_ahead() -> None:
    """By the sale's own word; days that are not known yet are assumed, and said to be."""
    road = Road(sale("PHEV", 22_600_000))
    found = outlook(road.case, POLICIES, _TODAY)
    assert set(_stages(found).values()) == {"ahead"}
    assert [question.rule for question in found.questions] == [
        "certificate-sharing",
        "purchase-tax",
        "purchase-tax-terms",
        "compulsory-insurance",
        "vessel-tax",
        "registration-terms",
        "e-licence",
    ]
    assert {question.rule for question in found.questions if not question.assumed} == {"certificate-sharing"}
    assert all(question.gap is None for question in found.questions)


@pytest.mark.parametrize(
    ("rule", "field", "on", "pack", "fen"),
    [
        (
            "purchase-tax",
            "invoice_date",
            _SOLD,
            "NEV-26",
            {"full": 20_000_00, "relief": 10_000_00, "payable": 10_000_00},
        ),
        ("purchase-tax-terms", "invoice_date", _SOLD, "PTL-2019", {"surcharge": 0}),
        ("compulsory-insurance", "start_date", _TODAY, "CTPL-2020", {"premium": 950_00}),
        ("vessel-tax", "invoice_date", _SOLD, "VVT", {"least": 0, "most": 0}),
        ("registration-terms", "applied_on", _TODAY, "RTSL-9", {}),
        ("e-licence", "applied_on", _TODAY, "ELIC-NATIONAL", {}),
    ],
)
def test_an_answer_names_its_pack_its_own_day_and_amounts(
    rule: str, field: str, on: date, pack: str, fen: dict[str, int]
) -> None:
    """In fen, for programs; in both languages, for people."""
    question = _looked(Road(sale("BEV", 22_600_000)).case)[rule]
    assert question.said is not None
    assert (question.date_field, question.on, question.said.pack, question.said.fen) == (field, on, pack, fen)
    assert question.said.zh
    assert question.said.en


def test_what_was_decided_is_told_as_the_agencies_put_it() -> None:
    """A fen of rounding is theirs; the days are those of invoice and cover."""
    road = Road(sale("ICE"), twist={"tax.declare": {"tax_full": 10_000_01, "tax_payable": 10_000_01}})
    road.run("registration.register")
    found = _looked(road.case)
    tax, cover, vessel = found["purchase-tax"], found["compulsory-insurance"], found["vessel-tax"]
    assert {found[rule].stage for rule in found} == {"decided", "ahead"}
    assert [tax.stage, cover.stage, vessel.stage] == ["decided"] * 3
    assert tax.said is not None
    assert tax.said.fen["payable"] == 10_000_01
    assert vessel.said is not None
    assert vessel.said.fen == {"vvt": 280_00}
    assert [tax.assumed, cover.assumed] == [False, False]


def test_a_registration_that_was_asked_has_a_last_day() -> None:
    """Five working days from the day it was asked, over the holidays of May; afterwards the day it was granted."""
    road = Road(sale("ICE"))
    road.run("registration.register")
    ahead = _looked(road.case)["registration-terms"]
    assert (ahead.stage, ahead.assumed) == ("ahead", False)
    assert ahead.said is not None
    assert "2026-05-11" in ahead.said.en
    road.run()
    done = _looked(road.case)["registration-terms"]
    assert done.stage == "decided"
    assert done.said is not None
    assert "2026-05-06" in done.said.zh


def test_a_last_day_beyond_the_last_notice_is_provisional() -> None:
    """And says so in both languages."""
    said = _looked(Road(sale("ICE")).case, today=date(2026, 12, 30))["registration-terms"].said
    assert said is not None
    assert "暂定" in said.zh
    assert "provisional" in said.en


def test_of_a_case_that_is_over_only_what_was_decided_is_told() -> None:
    """Nothing lies ahead of it."""
    road = Road(sale("ICE", loan=LOAN))
    road.run()
    assert road.case.ended == "CLOSED"
    found = outlook(road.case, POLICIES, _TODAY)
    assert set(_stages(found).values()) == {"decided"}
    assert len(found.questions) == 7
    refused = Road(sale("ICE"), taken=True).case
    assert outlook(refused, POLICIES, _TODAY).questions == ()


def test_what_was_decided_keeps_the_pack_that_decided_it() -> None:
    """A pack that comes later for the same day changes no decision."""
    road = Road(sale("BEV"))
    road.run("registration.register")
    later = on_trial(POLICIES, _pack("NEV-26", **_NEXT_YEARS, params={"relief_share": "0"}))
    question = _looked(road.case, later)["purchase-tax"]
    assert question.said is not None
    assert question.said.pack == "NEV-26"
    assert _tried([road.case], _pack("NEV-26", **_NEXT_YEARS, params={"relief_share": "0"})) == []


def test_a_purchase_that_no_pack_covers_is_a_gap_ahead() -> None:
    """The question is there, the answer is not; nothing is guessed."""
    road = Road(sale("BEV", sold_on=date(2028, 1, 5)), on=date(2028, 1, 5))
    question = _looked(road.case, today=date(2028, 1, 6))["purchase-tax"]
    assert (question.stage, question.said) == ("ahead", None)
    assert question.gap == "purchase-tax on 2028-01-05: no pack in force"


def test_an_export_asks_for_its_licence_only() -> None:
    """By the day of application, needed or not."""
    needed = _looked(Road(sale("BEV", export=EXPORT)).case)
    assert list(needed) == ["export-licence-new"]
    free = EXPORT.model_copy(update={"hs_code": "8703809090"})
    other = _looked(Road(sale("BEV", export=free)).case)["export-licence-new"]
    answers = [needed["export-licence-new"].said, other.said]
    assert [said and said.pack for said in answers] == ["EXP-BEV-54/2025"] * 2
    assert [said and said.en for said in answers] == [
        "an export licence is needed",
        "this line needs no export licence",
    ]


def test_a_returned_car_asks_what_comes_back_and_whether_the_policy_may_end() -> None:
    """A refund by the day of payment (PTL 15), the end of the cover by a ground of the law (CTPL 16)."""
    road = Road(sale("ICE"))
    road.run()
    back = SaleReturnedV1(vin=VIN, returned_on=date(2027, 5, 6), reason="三包退车")
    case = road.case.model_copy(update={"kind": "returned-car", "returned": back, "ended": None, "facets": {}})
    found = _looked(case, today=date(2027, 5, 7))
    assert [(rule, question.stage) for rule, question in found.items()] == [
        ("insurance-cancellation", "ahead"),
        ("purchase-tax-terms", "ahead"),
    ]
    refund = found["purchase-tax-terms"]
    assert (refund.date_field, refund.on) == ("invoice_date", date(2026, 5, 4))
    assert refund.said is not None
    assert refund.said.fen == {"paid": 10_000_00, "refund": 9_000_00}


def test_a_pilot_city_is_shown_beside_the_case_of_a_car_that_is_registered_there() -> None:
    """From the day the signal came, while the case is open; elsewhere and before, nothing."""

    def annotated(region: str, opened: date, today: date) -> list[str]:
        buyer = BUYER.model_copy(update={"region": region})
        case = Road(sale("ICE", buyer=buyer), on=opened).case
        return [pack.id for pack in outlook(case, POLICIES, today).annotations]

    june, july = date(2026, 6, 20), date(2026, 7, 1)
    for region in ("120104", "210102", "321002"):
        assert annotated(region, july, july) == ["PILOT-40"]
    assert annotated("120104", june, july) == ["PILOT-40"]
    assert annotated("120104", june, date(2026, 6, 22)) == []
    assert annotated("610113", july, july) == []


def test_a_draft_is_shown_beside_the_cases_whose_own_day_it_would_cover() -> None:
    """By the day of its rule's question, and it decides nothing."""
    policies = Policies([*POLICIES.packs, _pack("NEV-26", **_NEXT_YEARS)])
    found = outlook(Road(sale("BEV")).case, policies, _TODAY)
    assert [pack.id for pack in found.annotations] == ["NEV-T"]
    tax = next(question.said for question in found.questions if question.rule == "purchase-tax")
    assert tax is not None
    assert tax.pack == "NEV-26"
    before = Road(sale("BEV", sold_on=date(2026, 4, 30))).case
    assert outlook(before, policies, _TODAY).annotations == ()


def test_a_trial_tells_which_open_cases_change_and_how() -> None:
    """The one whose tax is not assessed, and not the one that leaves the country; from what to what."""
    electric, abroad = Road(sale("BEV", 22_600_000)).case, Road(sale("BEV", export=EXPORT)).case
    (change,) = _tried([abroad, electric], _pack("NEV-26", **_NEXT_YEARS, params={"relief_share": "0"}))
    assert change.case is electric
    (difference,) = change.differences
    assert (difference.before.rule, difference.closes_gap, difference.opens_gap) == ("purchase-tax", False, False)
    before, after = difference.before.said, difference.after.said
    assert before is not None
    assert after is not None
    assert (before.pack, before.fen["payable"]) == ("NEV-26", 10_000_00)
    assert (after.pack, after.fen["payable"]) == ("NEV-T", 20_000_00)


def test_a_battery_with_its_own_invoice_counts_where_the_pack_says_so() -> None:
    """The base of the tax ahead of a battery-swap car is what the pack makes it."""
    case = Road(sale("BEV", 11_300_000, battery_excl=50_000_00)).case
    both = _pack("NEV-26", **_NEXT_YEARS, params={"separate_battery_excluded": False})
    ((difference,),) = (change.differences for change in _tried([case], both))
    before, after = difference.before.said, difference.after.said
    assert before is not None
    assert after is not None
    assert [before.fen["full"], after.fen["full"]] == [10_000_00, 15_000_00]


def test_a_trial_names_another_pack_even_where_the_amount_stays() -> None:
    """Who asks why will be told another reason: for the petrol car as well."""
    changes = _tried([Road(sale("ICE")).case], _pack("NEV-26", **_NEXT_YEARS))
    assert [each.after.said and each.after.said.pack for change in changes for each in change.differences] == ["NEV-T"]


@pytest.mark.parametrize(
    ("sold_on", "draft", "closes"),
    [
        (date(2028, 1, 5), _NEXT_YEARS | {"effective_from": date(2028, 1, 1)}, True),
        (date(2026, 6, 5), _NEXT_YEARS | {"effective_to": date(2026, 5, 31)}, False),
    ],
    ids=["closed", "opened"],
)
def test_a_trial_tells_of_gaps(sold_on: date, draft: dict[str, Any], *, closes: bool) -> None:
    """Those that it closes for cases that wait, and those that it would open."""
    road = Road(sale("BEV", sold_on=sold_on), on=sold_on)
    (change,) = _tried([road.case], _pack("NEV-26", **draft), sold_on)
    tax = next(each for each in change.differences if each.before.rule == "purchase-tax")
    assert (tax.closes_gap, tax.opens_gap) == (closes, not closes)


def test_a_notice_on_trial_moves_the_days_that_are_counted_by_it() -> None:
    """The calendar of next year is a pack like any other."""
    day = date(2026, 12, 31)
    holidays = ({"zh": "元旦", "en": "New Year", "first": date(2027, 1, 1), "last": date(2027, 1, 3)},)
    notice = _pack(
        "CAL-2026",
        id="CAL-2027",
        status="DRAFT",
        approved_by=None,
        effective_from=date(2027, 1, 1),
        effective_to=date(2027, 12, 31),
        params={"holidays": holidays, "make_up_days": (date(2027, 1, 9),)},
    )
    (change,) = _tried([Road(sale("ICE", sold_on=day), on=day).case], notice, day)
    (difference,) = change.differences
    before, after = difference.before.said, difference.after.said
    assert before is not None
    assert after is not None
    assert ("2027-01-08 (provisional)" in before.en, after.en[-10:]) == (True, "2027-01-08")


def test_cases_that_are_over_are_none_of_a_trials_business() -> None:
    """Whatever the draft says."""
    road = Road(sale("BEV"))
    road.run()
    assert _tried([road.case], _pack("NEV-26", **_NEXT_YEARS)) == []


@given(
    st.sampled_from(["ICE", "HEV", "PHEV", "EREV", "BEV"]),
    st.integers(1_000_00, 10_000_000_00),
    st.dates(date(2026, 4, 1), date(2027, 12, 31)),
)
def test_what_is_foreseen_is_what_will_be_decided(fuel: Any, incl: int, day: date) -> None:
    """The tax ahead of a case is the tax of its invoice, for any car, price and day."""
    case = Road(sale(fuel, incl, sold_on=day), on=day).case
    said = _looked(case, today=day)["purchase-tax"].said
    tax = purchase_tax(
        POLICIES,
        excl_fen=case.sale.amount_excl,
        invoice_date=day,
        fuel_kind=case.sale.fuel_kind,
        in_catalogue=case.sale.nev_catalogue,
    )
    assert said is not None
    assert (said.pack, said.fen) == (tax.pack, {"full": tax.full, "relief": tax.relief, "payable": tax.payable})


def test_lateness_is_seen_before_it_is_declared() -> None:
    """The surcharge of today, for a sale whose sixty days have passed."""
    question = _looked(Road(sale("ICE")).case, today=date(2026, 7, 13))["purchase-tax-terms"]
    assert question.said is not None
    assert question.said.fen == {"surcharge": 50_00}
    assert "50.00" in question.said.zh


def test_a_cancelled_sale_asks_the_insurer_whether_its_policy_may_end() -> None:
    """Before registration no law says."""
    road = Road(sale("ICE"))
    road.run("registration.register")
    case = road.case.model_copy(update={"cancelling": True})
    said = _looked(case)["insurance-cancellation"].said
    assert said is not None
    assert (said.pack, "insurer" in said.en) == ("CTPL-16", True)


def test_the_moment_of_opening_is_a_day_in_china() -> None:
    """Late on the 22nd in London a case begins on the 23rd."""
    buyer = BUYER.model_copy(update={"region": "120104"})
    case = Road(sale("ICE", buyer=buyer), on=date(2026, 6, 22)).case
    late = case.model_copy(update={"closed_at": datetime(2026, 6, 22, 17, tzinfo=UTC), "ended": "CLOSED"})
    assert [pack.id for pack in outlook(late, POLICIES, _TODAY).annotations] == ["PILOT-40"]
