"""Notices that come before what they stand on: kept by version, heard in order, and never for a sale that is over."""

from __future__ import annotations

from datetime import date

import pytest

from contracts.loan import LoanSettledV1
from contracts.police import MortgageReleasedV1
from services.journey.early import read
from services.journey.proofs import present
from services.journey.world import Cancel
from tests.journey.road import EXPORT, LOAN, VIN, Road, sale

SETTLED = LoanSettledV1(vin=VIN, loan_contract_no="L-77", settled_on=date(2026, 5, 20))
RELEASED = MortgageReleasedV1(vin=VIN, mortgage_no="M-77")
OFF = Cancel("buyer left", "li")


def applying() -> Road:
    """A financed car whose loan is not decided yet."""
    road = Road(sale("BEV", loan=LOAN))
    road.run("loan.apply")
    return road


def test_notices_wait_in_the_order_of_their_versions() -> None:
    """The release is the second word about its record, so the settlement is heard first, whichever came first."""
    road = applying()
    road.told(RELEASED)
    road.told(SETTLED)
    assert [(entry.version, read(entry)) for entry in road.case.early] == [(1, SETTLED), (2, RELEASED)]


def test_a_notice_that_waits_is_told_of() -> None:
    """At the facet that it is about, whose state it does not change."""
    road = applying()
    step = road.told(RELEASED).steps[-1]
    assert (step.rule, step.facet, step.before, step.after) == ("EARLY", "mort", "NONE", "NONE")


def test_nothing_waits_in_a_case_that_is_over() -> None:
    """Called off, being called off, or refused from the start: recorded as unasked, kept nowhere."""
    over, going, refused = applying(), applying(), Road(sale("BEV", loan=LOAN), taken=True)
    for road in (over, going):
        road.hear(OFF)
    over.run()
    assert [road.case.headline for road in (over, going, refused)] == ["CANCELLED", "CANCELLING", "REFUSED"]
    for road in (over, going, refused):
        road.told(RELEASED)
        assert (road.case.early, road.steps[-1].rule) == ((), "UNASKED")


def test_what_waited_for_a_state_that_will_never_come_is_heard_and_let_go() -> None:
    """The loan was settled before the mortgage was entered: there is nothing to release, and nothing waits for it."""
    road = applying()
    road.told(RELEASED)
    road.told(SETTLED)
    road.answer("loan.apply", loan_contract_no="L-77")
    road.run()
    assert (road.case.headline, road.state("mort"), road.case.early) == ("CLOSED", "NOT_NEEDED", ())


def test_a_notice_that_no_row_hears_any_more_is_let_go() -> None:
    """A stored case may hold one of an older process; the next decision records it, and goes on."""
    early = applying().told(RELEASED).case.early
    road = Road(sale("BEV", export=EXPORT))
    road.case = road.case.model_copy(update={"early": early})
    road.run()
    assert (road.case.headline, road.case.early, "UNASKED" in road.rules) == ("CLOSED", (), True)


def test_a_notice_of_what_has_gone_past_does_not_wait() -> None:
    """A release told a second time, of a record that moved on: recorded as unasked, and nothing waits for it."""
    road = Road(sale("BEV", loan=LOAN))
    road.run("mortgage.register")
    road.answer("mortgage.register", mortgage_no="M-77")
    for _ in range(2):
        road.told(RELEASED)
    assert (road.state("mort"), road.case.early, road.steps[-1].rule) == ("RELEASED", (), "UNASKED")


@pytest.mark.parametrize(("asked", "reason"), [(False, "gap"), (True, None)])
def test_a_change_that_nobody_told_is_somebodys_unless_an_answer_is_awaited(asked: bool, reason: str | None) -> None:  # noqa: FBT001
    """The fifth word about a mortgage after the first: three are missing, or one of them is on its way to us."""
    road = Road(sale("BEV", loan=LOAN))
    road.run()
    if asked:
        number = present(road.case.papers.loan).loan_contract_no
        road.told(SETTLED.model_copy(update={"loan_contract_no": number}))
    mortgage_no = present(road.case.papers.mortgage).mortgage_no
    road.told(RELEASED.model_copy(update={"mortgage_no": mortgage_no, "record_version": 5}))
    assert ("mortgage.release" in road.names, road.held("mort"), len(road.case.early)) == (asked, reason, 1)
