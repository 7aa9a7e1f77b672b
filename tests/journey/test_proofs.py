"""The edges of the proofs: the last answer that still holds, the first that does not, and the pack that says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from contracts.insurance import VesselTax
from contracts.police import ElicenceIssuedV1
from contracts.policy import Pack, Policies, PolicyGap, load
from contracts.sale import SaleReturnedV1
from contracts.types import CHINA
from services.journey.decide import open_return
from services.journey.proofs import electronic_licence, end_of_cover_pack
from services.journey.world import Resume
from tests.journey.road import BUYER, EXPORT, LOAN, VIN, Road, sale


@pytest.mark.parametrize(
    ("twist", "reason"),
    [
        ({"licence_used": 20}, None),
        ({"licence_used": 21}, "X409"),
        ({"licence_expiry": date(2026, 5, 5)}, None),
        ({"licence_expiry": date(2026, 5, 4)}, "licence-differs"),
    ],
    ids=["the twentieth car", "the twenty-first", "its last day", "the day after"],
)
def test_a_licence_carries_its_last_car_and_its_last_day(twist: dict[str, Any], reason: str | None) -> None:
    """Twenty cars on one licence, and the pack that asks for it is named either way (scenario 20)."""
    road = Road(sale("BEV", export=EXPORT))
    road.run("licence.apply")
    road.answer("licence.apply", **twist)
    step = next(step for step in reversed(road.steps) if step.facet == "licence")
    assert (road.held("licence"), step.pack) == (reason, "EXP-BEV-54/2025")


@pytest.mark.parametrize(("number", "reason"), [("26-AA-100256", None), ("26-AA-100257", "licence-differs")])
def test_a_licence_is_the_one_that_the_exporter_named(number: str, reason: str | None) -> None:
    """Where he named one; another one is not this car's."""
    road = Road(sale("BEV", export=EXPORT.model_copy(update={"licence_no": "26-AA-100256"})))
    road.run("licence.apply")
    road.answer("licence.apply", licence_no=number)
    assert road.held("licence") == reason


def returned(paid_at: datetime, asked_on: date) -> Road:
    """The return, taken up on that day, of a car whose tax was paid at that moment."""
    road = Road(twist={"tax.pay": {"tax_paid_at": paid_at}})
    road.run()
    road.told(SaleReturnedV1(vin=VIN, returned_on=asked_on, reason="a fault"))
    road.world = replace(road.world, now=datetime.combine(asked_on, time(2), UTC), today=asked_on)
    return road.follow(open_return("0190a000-0000-7000-8000-000000000002", road.case, road.world))


def test_a_year_since_payment_is_counted_by_the_day_in_china() -> None:
    """Paid at one in the morning of 6 May in Beijing, which is 5 May in London: full only on 6 May."""
    paid_at = datetime(2026, 5, 5, 17, tzinfo=UTC)
    for day, refund in ((5, 1_000_000), (6, 900_000)):
        road = returned(paid_at, date(2027, 5, day))
        road.run("tax.reclaim")
        asked: Any = road.find("tax.reclaim").data
        assert asked.refund_asked == refund


@pytest.mark.parametrize(("year", "after"), [(2026, "REFUNDED"), (2036, "NOTHING_LEFT")])
def test_a_refund_and_its_absence_name_the_pack(year: int, after: str) -> None:
    """PTL 15 decided both."""
    road = returned(datetime(2026, 5, 5, tzinfo=UTC), date(year, 7, 1))
    road.run()
    step = next(step for step in road.steps if step.facet == "tax")
    assert (step.after, step.pack) == (after, "PTL-2019")


def test_a_lenders_signature_for_another_loan_is_held() -> None:
    """The joint application is about the loan of this car: no mortgage is asked for on another one (D422)."""
    road = Road(sale("BEV", loan=LOAN), twist={"mortgage.cosign": {"loan_contract_no": "L-0"}})
    road.run()
    assert (road.held("mort"), "mortgage.register" in road.names) == ("D422", False)


@pytest.mark.parametrize(
    ("command", "twist", "facet", "reason"),
    [
        ("tax.pay", {"assessment_no": "TA-0"}, "tax", "T422"),
        ("tax.pay", {"amount_due": 999_999}, "tax", "T422"),
        ("tax.pay", {"amount_due": 1_000_001}, "tax", "T422"),
        ("insurance.bind", {"withheld": VesselTax(vvt=28_001)}, "ins", "policy-differs"),
        ("insurance.bind", {"insurer_uscc": "91110000MAT57WXL1C"}, "ins", "policy-differs"),
        ("insurance.bind", {"start_at": datetime(2026, 5, 6, tzinfo=CHINA)}, "ins", "policy-differs"),
        ("insurance.bind", {"end_at": datetime(2026, 5, 5, tzinfo=CHINA)}, "ins", "policy-differs"),
        ("insurance.bind", {"end_at": datetime(2026, 5, 6, tzinfo=CHINA)}, "ins", "policy-differs"),
        ("insurance.bind", {"end_at": datetime(2027, 5, 6, tzinfo=CHINA)}, "ins", "policy-differs"),
    ],
)
def test_what_was_done_is_what_was_found_right(command: str, twist: dict[str, Any], facet: str, reason: str) -> None:
    """A payment to the fen and by its assessment; a policy as quoted, of the chosen insurer, that lasts."""
    road = Road(twist={command: twist})
    road.run()
    assert (road.held(facet), "registration.register" in road.names) == (reason, False)


@pytest.mark.parametrize("field", ["amount_incl", "amount_excl", "vat"])
@pytest.mark.parametrize(("off", "held"), [(-2, True), (-1, False), (1, False), (2, True)])
def test_each_amount_of_an_invoice_may_differ_by_a_fen(field: str, off: int, held: bool) -> None:  # noqa: FBT001
    """No law says how to round; two fen are another amount."""
    road = Road()
    road.run("invoice.request")
    road.answer("invoice.request", **{field: getattr(road.sale, field) + off})
    assert ("amount" in road.rules) is held


@pytest.mark.parametrize(
    ("field", "pack"),
    [("tax_full", "NEV-26"), ("relief", "NEV-26"), ("tax_payable", "NEV-26"), ("surcharge", "PTL-2019")],
)
def test_each_amount_of_an_assessment_is_compared(field: str, pack: str) -> None:
    """Full tax, relief, what is payable, and what lateness costs: two fen off, each by itself is T422 (T5)."""
    road = Road(sale("BEV", 22_600_000))
    road.run("tax.declare")
    told: Any = road.agencies.answer(road.find("tax.declare").data)
    step = road.answer("tax.declare", **{field: getattr(told, field) + 2}).steps[0]
    assert (road.held("tax"), step.pack) == ("T422", pack)


@pytest.mark.parametrize(
    ("command", "twist", "pack"),
    [("insurance.quote", {"premium": 95_001}, "CTPL-2020"), ("insurance.quote", {"vvt": 1}, "VVT")],
)
def test_an_objection_names_the_pack_that_decided(command: str, twist: dict[str, Any], pack: str) -> None:
    """So that a person can look up why."""
    road = Road(twist={command: twist})
    road.run()
    assert next(step.pack for step in road.steps if step.after in {"HOLD", "MANUAL"}) == pack


def without(rule: str) -> Policies:
    """A rulebook that is silent on a rule."""
    return Policies(pack for pack in load().packs if pack.rule != rule)


def test_an_electronic_licence_is_issued_by_a_pack_and_waits_where_there_is_none() -> None:
    """T10 asks nobody before a pack lets it; the pack is named."""
    road = Road()
    road.run("registration.register")
    packs, road.world = road.world.policies, replace(road.world, policies=without("e-licence"))
    road.run()
    assert (road.held("elic"), "elicence.issue" in road.names) == ("policy-gap", False)
    road.world = replace(road.world, policies=packs)
    road.hear(Resume("the pack is there", "li"))
    road.run()
    step = next(step for step in road.steps if step.after == "ISSUED" and step.facet == "elic")
    assert (road.case.headline, step.pack) == ("CLOSED", "ELIC-NATIONAL")


def test_the_cover_of_a_returned_car_ends_by_a_pack_and_waits_where_there_is_none() -> None:
    """R5 likewise: CTPL 16 by the day on which the cover began."""
    road = returned(datetime(2026, 5, 5, tzinfo=UTC), date(2026, 7, 1))
    road.run("registration.deregister")
    packs, road.world = road.world.policies, replace(road.world, policies=without("insurance-cancellation"))
    road.run()
    assert (road.held("ins"), "insurance.cancel" in road.names) == ("policy-gap", False)
    road.world = replace(road.world, policies=packs)
    road.hear(Resume("the pack is there", "li"))
    road.run()
    step = next(step for step in road.steps if step.after == "CANCELLED")
    assert (road.case.headline, step.pack) == ("CLOSED", "CTPL-16")


def test_a_law_that_does_not_let_the_cover_end_is_no_ground() -> None:
    """The policy desk's: nobody cancels a policy against the law."""
    road = returned(datetime(2026, 5, 5, tzinfo=UTC), date(2026, 7, 1))
    road.run("registration.deregister")
    law = next(pack for pack in load().packs if pack.id == "CTPL-16")
    params = law.params.model_copy(update={"after_registration": frozenset({"STOLEN"})})
    others = (pack for pack in load().packs if pack is not law and pack.id != law.id)
    narrower = Policies([*others, law.model_copy(update={"params": params})])
    road.world = replace(road.world, policies=narrower)
    road.run()
    assert (road.held("ins"), "insurance.cancel" in road.names) == ("policy-gap", False)
    with pytest.raises(PolicyGap, match="insurance-cancellation on 2026-05-05: to be struck off is no ground"):
        end_of_cover_pack(road.case, road.world)


@pytest.mark.parametrize(
    ("month", "refund", "reason"),
    [
        (7, 21_000, None),
        (7, 20_998, "refund"),
        (5, 27_998, "refund"),
        (12, 3_499, None),
        (12, 3_498, "refund"),
        (7, 123_000, None),
        (7, 123_001, "refund"),
    ],
)
def test_what_an_insurer_pays_back_is_part_of_what_was_paid(month: int, refund: int, reason: str | None) -> None:
    """Premium of 950.00, vessel tax of 280.00 for the months from May: of these at least the unused ones (VVTR 19)."""
    road = returned(datetime(2026, 5, 5, tzinfo=UTC), date(2026, month, 20))
    road.run("insurance.cancel")
    step = road.answer("insurance.cancel", refund=refund).steps[0]
    assert (road.held("ins"), road.state("ins"), step.pack) == (reason, "CANCELLED", "CTPL-16")


def test_no_vessel_tax_of_a_year_that_is_over_comes_back() -> None:
    """It was for that year's months (VVTR 19)."""
    road = returned(datetime(2026, 5, 5, tzinfo=UTC), date(2027, 1, 20))
    road.run("insurance.cancel")
    road.answer("insurance.cancel", refund=0)
    assert road.held("ins") is None


def test_a_refund_that_is_asked_again_is_reckoned_anew() -> None:
    """Refused, and resumed after the anniversary of the payment: a tenth less, for the new day (PTL 15)."""
    road = returned(datetime(2026, 5, 5, tzinfo=UTC), date(2027, 5, 1))
    road.run("tax.reclaim")
    road.refuse("tax.reclaim", "D422")
    road.sleep(timedelta(days=10))
    road.hear(Resume("the office had the wrong car", "li"))
    asked: Any = road.find("tax.reclaim").data
    assert (asked.reclaimed_on, asked.refund_asked) == (date(2027, 5, 11), 900_000)
    road.run()
    assert road.case.headline == "CLOSED"


def test_an_approval_without_a_contract_is_none() -> None:
    """Nobody could mortgage the car by it."""
    road = Road(sale("BEV", loan=LOAN), twist={"loan.apply": {"loan_contract_no": None}})
    road.run()
    assert (road.held("loan"), "registration.register" in road.names) == ("amount", False)


def test_a_registration_with_a_plate_of_another_kind_is_held() -> None:
    """The car is registered whatever we think of it; that a fuel car got a new-energy plate is somebody's matter."""
    road = Road(twist={"registration.register": {"plate_no": "陕AD12345"}})
    road.run()
    assert (road.state("reg"), road.held("reg")) == ("REGISTERED", "plate-kind")


def test_a_pack_that_taxes_the_battery_is_asked_with_its_price() -> None:
    """A swap car of 100,000 with a battery of 50,000: as shipped the battery is free, another pack may tax both."""
    packs = {pack.id: pack.model_dump() for pack in load().packs}
    packs["NEV-26"]["params"]["separate_battery_excluded"] = False
    taxed = Policies(Pack.model_validate(pack) for pack in packs.values())
    for policies, full in ((load(), 1_000_000), (taxed, 1_500_000)):
        road = Road(sale("BEV", battery_excl=5_000_000))
        road.world = replace(road.world, policies=policies)
        road.run("tax.declare")
        road.answer("tax.declare", tax_full=full, relief=full // 2, tax_payable=full // 2)
        assert (road.state("tax"), road.held("tax")) == ("ASSESSED", None)


@pytest.mark.parametrize(("on", "reason"), [(date(2020, 12, 31), "plate-kind"), (date(2021, 1, 1), None)])
def test_a_class_letter_counts_from_the_day_it_was_introduced(on: date, reason: str | None) -> None:
    """A for electric cars since 2021; before that nobody could have reserved such a plate (GA 36, T7)."""
    road = Road(sale("BEV", sold_on=on, mfg_date=on), on=on, twist={"plate.reserve": {"plate_no": "陕AA12345"}})
    road.run()
    assert road.held("plate") == reason


def piloted(region: str) -> Policies:
    """The rulebook with one of the sixty pilot cities, whose list nobody holds."""
    packs = {pack.id: pack.model_dump() for pack in load().packs}
    packs["ELIC-60"]["scope"]["regions"] = (region,)
    return Policies(Pack.model_validate(pack) for pack in packs.values())


@pytest.mark.parametrize(
    ("region", "issued_at", "pack"),
    [
        ("610113", datetime(2024, 11, 29, tzinfo=UTC), "ELIC-60"),
        ("310115", datetime(2024, 11, 29, tzinfo=UTC), None),
        ("310115", datetime(2024, 12, 1, 17, tzinfo=UTC), "ELIC-NATIONAL"),
    ],
    ids=["a pilot city", "another city", "the first night in China"],
)
def test_an_electronic_licence_is_the_citys_before_it_is_the_nations(
    region: str, issued_at: datetime, pack: str | None
) -> None:
    """Sixty cities from July 2024, everywhere from 2 December, by the day in China and the place of registration."""
    road = Road(sale("BEV", buyer=BUYER.model_copy(update={"region": region})))
    world = replace(road.world, policies=piloted("610113"))
    answer = ElicenceIssuedV1(vin=VIN, elicence_no="E-1", issued_at=issued_at)
    if pack is None:
        with pytest.raises(PolicyGap):
            electronic_licence(road.case, answer, world)
    else:
        assert electronic_licence(road.case, answer, world).pack == pack
