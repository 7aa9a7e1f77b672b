"""What follows by itself: the end, the clock of the tax, gaps in the rulebook, and what each of them tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from contracts.case import Step
from contracts.policy import Policies, load
from contracts.sale import SaleCorrectedV1, SaleReturnedV1
from contracts.types import CHINA
from services.journey.case import TaxClock
from services.journey.proofs import present
from services.journey.world import Assign, Cancel, Resume
from tests.journey.road import EXPORT, LOAN, VIN, Road, name_of, sale

OFF = Cancel("buyer left", "li")


def last(road: Road, rule: str) -> Step:
    """The latest step of a rule."""
    return next(step for step in reversed(road.steps) if step.rule == rule)


def without(*rules: str) -> Policies:
    """A rulebook that is silent on some rules."""
    return Policies(pack for pack in load().packs if pack.rule not in rules)


def test_a_closed_case_says_when_and_is_nobodys() -> None:
    """T12 with its source; whoever had it has it no more."""
    road = Road()
    road.run("plate.track")
    road.hear(Assign("li", "a call to the courier", "li"))
    road.sleep(timedelta(hours=5))
    road.answer("plate.track")
    step = last(road, "T12")
    assert (step.facet, step.before, step.after, step.source) == ("case", "OPEN", "CLOSED", "rulebook §5 T12")
    assert (road.case.ended, road.case.closed_at, road.case.owner) == ("CLOSED", road.world.now, None)


def test_a_cancelled_case_says_when_and_is_nobodys() -> None:
    """Once all is taken back it is no more being cancelled, and whoever had it has it no more."""
    road = Road()
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    road.hear(Assign("li", "knows the buyer", "li"))
    road.hear(OFF)
    road.sleep(timedelta(minutes=5))
    road.run()
    step = last(road, "CANCELLED")
    assert (step.facet, step.before, step.after) == ("order", "CONFIRMED", "CANCELLED")
    assert (road.case.ended, road.case.cancelling, road.case.owner) == ("CANCELLED", False, None)
    assert road.case.closed_at == road.world.now


def test_the_clock_of_the_tax_ends_with_the_sixtieth_day_in_china() -> None:
    """An invoice of 4 May: the first late moment is the midnight after 3 July (PTL 12), whenever the case looks."""
    road = Road(sale(sold_on=date(2026, 5, 4)))
    road.world = replace(road.world, now=datetime(2026, 5, 5, 2, 34, 56, 789, UTC))
    road.run("tax.declare")
    clock = road.case.tax_clock
    assert clock is not None
    assert clock.due == datetime(2026, 7, 4, tzinfo=CHINA)


@pytest.mark.parametrize(("sold_on", "late"), [(date(2026, 3, 6), False), (date(2026, 3, 5), True)])
def test_lateness_begins_on_the_sixty_first_day(sold_on: date, late: bool) -> None:  # noqa: FBT001
    """Declared on 5 May: the sixtieth day of the one invoice, the sixty-first of the other (scenario 15)."""
    road = Road(sale(sold_on=sold_on), on=date(2026, 5, 5))
    road.run("tax.declare")
    assert ("T408" in road.rules) is late


def test_lateness_is_told_once_at_the_tax() -> None:
    """A step that changes no state, and never a second one for the same invoice."""
    road = Road(sale(sold_on=date(2026, 3, 1)))
    road.run("tax.declare")
    road.sleep(timedelta(days=100))
    step = last(road, "T408")
    assert (step.facet, step.before, step.after) == ("tax", "NONE", "NONE")
    assert road.rules.count("T408") == 1
    assert road.case.tax_clock == TaxClock(
        invoice_no=road.find("tax.declare").data.model_dump()["invoice_no"], due=None
    )


def test_an_invoice_from_before_the_law_starts_no_clock_and_is_a_gap() -> None:
    """Nobody guesses a term; the declaration waits for a policy, and says on what article it would rest."""
    road = Road(sale(sold_on=date(2019, 6, 30), mfg_date=date(2019, 6, 1)), on=date(2019, 7, 2))
    road.run()
    assert (road.case.tax_clock, road.held("tax")) == (None, "policy-gap")
    assert last(road, "policy-gap").source is not None


def test_a_gap_names_what_the_step_would_rest_on() -> None:
    """Asked by a command, or by a row that fires by itself."""
    asked = Road(sale(sold_on=date(2028, 1, 5)), on=date(2028, 1, 6))
    asked.run()
    steps = [step for step in asked.steps if (step.rule, step.facet) == ("policy-gap", "tax")]
    assert steps[0].source == "PTL 3–6, 12; TCL 32"
    fired = Road(sale("BEV", export=EXPORT.model_copy(update={"hs_code": "8703801099"})))
    fired.run()
    assert (last(fired, "policy-gap").facet, last(fired, "policy-gap").source) == ("licence", "MOFCOM 54/2025")


def test_what_nobody_can_take_back_is_stuck_until_its_organisation_is_there() -> None:
    """The effect says so itself: while it does, nothing that was done before it is taken back."""
    road = Road()
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    everybody = road.world.organisations
    road.world = replace(road.world, organisations={"tax", "miit"})
    road.hear(OFF)
    stuck = [effect.facet for effect in road.case.effects if effect.stuck]
    assert (stuck, road.held("plate"), road.names[-1]) == (["plate"], "unknown-organisation", "registration.register")
    road.world = replace(road.world, organisations=everybody)
    road.hear(Resume("it is there again", "li"))
    road.run()
    assert road.case.headline == "CANCELLED"


def test_a_held_facet_opens_no_row() -> None:
    """Neither one that asks nor one that fires by itself: a relieved tax is not so called while it is doubted."""
    road = Road(sale("BEV", loan=LOAN))
    road.run("insurance.bind")
    road.refuse("insurance.bind", "I503")
    road.run()
    assert road.state("ins") == "QUOTED"
    assert (road.names.count("insurance.bind"), "registration.register" in road.names) == (1, False)
    assert road.case.vin == VIN


def test_nothing_is_asked_anew_while_its_old_effect_is_being_taken_back() -> None:
    """One vehicle, one invoice (SAT 23/2020): the new one is requested once the wrong one is reversed in red."""
    road = Road()
    road.run("invoice.request")
    road.answer("invoice.request", amount_incl=1)
    assert [name_of(sent) for sent in road.out.values()] == ["invoice.reverse"]
    road.answer("invoice.reverse")
    assert [name_of(sent) for sent in road.out.values()] == ["invoice.request"]


def test_each_invoice_has_a_clock_of_its_own() -> None:
    """A car that is invoiced anew, at another price, has sixty days from the new invoice."""
    road = Road()
    road.run("registration.register")
    first = road.case.tax_clock
    road.refuse("registration.register", "P412")
    price = {"amount_incl": 22_600_000, "amount_excl": 20_000_000, "vat": 2_600_000}
    road.told(SaleCorrectedV1.model_validate({"vin": VIN, "reason": "another price", **price}))
    road.hear(Resume("checked", "li"))
    road.run()
    clock, bill = road.case.tax_clock, present(road.case.papers.invoice)
    assert clock is not None
    assert (clock == first, clock.invoice_no) == (False, bill.invoice_no)


def test_a_return_that_begins_a_case_of_its_own_is_told_where_it_was_sold() -> None:
    """In the order's strand of the closed sale, which stays as it is."""
    road = Road()
    road.run()
    road.told(SaleReturnedV1(vin=VIN, returned_on=date(2026, 7, 1), reason="a fault"))
    step = road.steps[-1]
    assert (step.rule, step.facet, step.before, step.after) == ("RETURN", "order", "CONFIRMED", "CONFIRMED")
