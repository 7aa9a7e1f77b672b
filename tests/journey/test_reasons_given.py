"""Every change of state says why: a rule, its source, and digests of what it was decided on, on whatever road."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from contracts.loan import LoanSettledV1
from contracts.sale import SaleCancelledV1, SaleCorrectedV1, SaleReturnedV1
from services.journey.decide import open_return
from services.journey.proofs import present
from services.journey.snapshot import snapshot
from services.journey.world import Assign, Cancel, Resume, Secure
from tests.journey.road import EXPORT, LOAN, VIN, Road, sale


def sold_in_cash() -> Road:
    """From the sale to its end."""
    road = Road()
    road.run()
    return road


def financed() -> Road:
    """A loan, its mortgage, the settlement and the release."""
    road = Road(sale("BEV", loan=LOAN))
    road.run()
    number = present(present(road.case.papers.loan).loan_contract_no)
    road.told(LoanSettledV1(vin=VIN, loan_contract_no=number, settled_on=date(2026, 7, 2)))
    road.run()
    return road


def exported() -> Road:
    """A car that left the country."""
    road = Road(sale("BEV", export=EXPORT))
    road.run()
    return road


def refused() -> Road:
    """A VIN that has a case."""
    return Road(taken=True)


def called_off() -> Road:
    """By the seller, after the police refused: all is taken back."""
    road = Road()
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    road.told(SaleCancelledV1(vin=VIN, reason="the buyer left"))
    road.run()
    return road


def called_off_by_a_person() -> Road:
    """While the invoice is out."""
    road = Road()
    road.run("invoice.request")
    road.hear(Cancel("the buyer left", "li"))
    road.run()
    return road


def paid_in_cash_after_all() -> Road:
    """The loan was declined."""
    road = Road(sale("BEV", loan=LOAN), twist={"loan.apply": {"decision": "REJECTED", "loan_contract_no": None}})
    road.run()
    road.told(SaleCorrectedV1(vin=VIN, reason="the bank declined", pay_cash=True))
    road.run()
    return road


def lapsed() -> Road:
    """Nobody took up the offer to pay in cash."""
    road = Road(sale("BEV", loan=LOAN), twist={"loan.apply": {"decision": "REJECTED", "loan_contract_no": None}})
    road.run()
    road.sleep(timedelta(hours=50))
    road.run()
    return road


def secured_otherwise() -> Road:
    """The lender refused the mortgage after registration."""
    road = Road(sale("BEV", loan=LOAN))
    road.run("mortgage.cosign")
    road.refuse("mortgage.cosign", "B451")
    road.hear(Secure("a guarantor", "li"))
    road.run()
    return road


def late() -> Road:
    """Declared on the sixty-first day, paid on a later one."""
    road = Road(sale(sold_on=date(2026, 1, 15), mfg_date=date(2025, 12, 1)), on=date(2026, 3, 17))
    road.run("tax.pay")
    road.refuse("tax.pay", "T422")
    road.sleep(timedelta(days=3))
    road.hear(Assign("li", "asks the office", "li"))
    road.hear(Resume("mended", "li"))
    road.run()
    return road


def dead() -> Road:
    """Dispatch gave up on a question, and another one was never answered."""
    road = Road()
    road.die("coc.query")
    road.hear(Resume("it was sent by hand", "li"))
    road.run("tax.declare")
    road.outwait("tax.declare", timedelta(days=1))
    return road


def without_a_policy() -> Road:
    """Bought when no pack holds."""
    road = Road(sale(sold_on=date(2028, 1, 5)), on=date(2028, 1, 6))
    road.run()
    return road


def without_an_organisation() -> Road:
    """The insurer is unknown, and nothing that it did can be taken back."""
    road = Road()
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    road.world = replace(road.world, organisations={"tax", "miit", "police"})
    road.hear(Cancel("the buyer left", "li"))
    road.run()
    return road


def returned() -> Road:
    """A registered car that went back."""
    sold = sold_in_cash()
    sold.told(SaleReturnedV1(vin=VIN, returned_on=date(2026, 7, 1), reason="a fault"))
    road = sold.follow(open_return("0190a000-0000-7000-8000-000000000002", sold.case, sold.world))
    road.run()
    road.steps[:0] = sold.steps
    return road


ROADS = [
    sold_in_cash, financed, exported, refused, called_off, called_off_by_a_person, paid_in_cash_after_all, lapsed,
    secured_otherwise, late, dead, without_a_policy, without_an_organisation, returned,
]  # fmt: skip


@pytest.mark.parametrize("travelled", ROADS)
def test_every_change_says_what_it_rests_on(travelled: Callable[[], Road]) -> None:
    """No state changes, and nobody is late, without a source and a digest."""
    steps = [step for step in travelled().steps if step.before != step.after or step.rule == "T408"]
    assert steps
    silent = [(step.rule, step.facet, step.after) for step in steps if not (step.source and step.inputs)]
    assert silent == []


@pytest.mark.parametrize(
    ("travelled", "rule", "inputs"),
    [
        (sold_in_cash, "T1", ["sale"]),
        (sold_in_cash, "T12", ["registered", "elicence", "delivered"]),
        (exported, "E7", ["exited"]),
        (late, "T408", ["invoice"]),
        (dead, "dead", ["delivery.changed"]),
        (refused, "C409", ["sale"]),
        (returned, "R1", ["sale", "returned"]),
        (returned, "R7", ["revoked", "deregistered", "cancelled", "refunded"]),
    ],
)
def test_a_change_names_what_it_was_decided_on(travelled: Callable[[], Road], rule: str, inputs: list[str]) -> None:
    """The word or the paper itself, so that its holder can show that it is the one."""
    step = next(step for step in travelled().steps if step.rule == rule)
    assert [one.name for one in step.inputs] == inputs


def test_lateness_names_the_pack_that_makes_it_so() -> None:
    """The term is the pack's."""
    road = late()
    assert next(step.pack for step in road.steps if step.rule == "T408") == "PTL-2019"
    assert "PTL-2019" in road.case.packs


def test_what_nobody_has_answered_yet_is_told_with_the_case() -> None:
    """Which command to whom and when, under the id that dispatch tells its fate by; an answer ends that."""
    road = Road()
    sent = road.find("coc.query")
    asked = {each.delivery_id: each for each in snapshot(road.case).asked}
    assert (asked[sent.id].asked_for, asked[sent.id].asked_of) == ("coc.query", sent.organisation)
    assert (asked[sent.id].facet, asked[sent.id].asked_at) == ("coc", road.case.asks[sent.id].asked_at)
    road.answer("coc.query")
    assert sent.id not in {each.delivery_id for each in snapshot(road.case).asked}
