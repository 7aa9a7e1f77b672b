"""A broken case is taken back in reverse order, before registration; corrections replace one strand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from contracts import insurance, police, sale, tax
from contracts.contract import Contract
from services.checker import Verdict, check
from tests.checker.synthetic import INSURER, LENDER, NOW, Car, Scene, invoice_no, policy_no, scene

from contracts import loan  # isort: skip

_AFTER = {"registration.register", "insurance.endorse", "mortgage.register", "elicence.issue", "plate.dispatch"}


def _undoing(car: Car) -> dict[str, tuple[str, Contract]]:
    why = "cancelled"
    return {
        "plate": ("police", police.PlateReleaseV1(vin=car.vin, reservation_no=f"RS{car.number}", reason=why)),
        "insurance": (
            f"insurer-{INSURER}",
            insurance.InsuranceCancelV1(vin=car.vin, policy_no=policy_no(car), reason=why),
        ),
        "tax": ("tax", tax.TaxReclaimV1(vin=car.vin, assessment_no=f"A{car.number}", reason=why)),
        "loan": (
            f"bank-{LENDER}",
            loan.LoanWithdrawV1(vin=car.vin, loan_contract_no=car.loan_contract_no, reason=why),
        ),
        "invoice": ("tax", tax.InvoiceReverseV1(vin=car.vin, invoice_no=invoice_no(car), reason=why)),
    }


def _cancelled(order: Sequence[str]) -> Scene:
    """A financed sale that was called off before registration, and taken back in this order."""
    made = scene(("loan",))
    (car,) = made.cars
    made.ledger = [line for line in made.ledger if line["operation"] not in _AFTER]
    made.case().update(headline="CANCELLED", facets=[])
    for name in order:
        organisation, command = _undoing(car)[name]
        made.do(organisation, car, command, made.ask(organisation, car, command).id)
    return made


def _judge(made: Scene, folder: Path) -> Verdict:
    return check(made.write(folder), NOW)


@pytest.mark.parametrize(
    "order", [("plate", "insurance", "tax", "loan", "invoice"), ("plate", "loan", "insurance", "tax", "invoice")]
)
def test_taking_back_in_reverse_order_is_clean(order: Sequence[str], tmp_path: Path) -> None:
    """Plate, insurance, tax, invoice; the loan at any time before the invoice on which it stands."""
    verdict = _judge(_cancelled(order), tmp_path)
    assert verdict.clean, verdict.findings


@pytest.mark.parametrize(
    ("order", "about"),
    [
        (("insurance", "plate", "tax", "loan", "invoice"), ["plate.reserve < insurance.cancel"]),
        (("plate", "tax", "insurance", "loan", "invoice"), ["insurance.bind < tax.reclaim"]),
        (("plate", "insurance", "tax", "invoice", "loan"), ["loan.apply < invoice.reverse"]),
    ],
)
def test_taking_back_in_another_order_is_found(order: Sequence[str], about: list[str], tmp_path: Path) -> None:
    """What stood on an effect must be gone before the effect is undone."""
    verdict = _judge(_cancelled(order), tmp_path)
    assert [(finding.what, finding.about) for finding in verdict.findings] == [
        ("undone-out-of-order", wrong) for wrong in about
    ]


def test_what_was_not_taken_back_is_found(tmp_path: Path) -> None:
    """A cancelled case that keeps its invoice is stuck."""
    verdict = _judge(_cancelled(("plate", "insurance", "tax", "loan")), tmp_path)
    assert [(finding.what, finding.about) for finding in verdict.findings] == [
        ("cancelled-with-effect", "invoice.request")
    ]


def test_a_correction_may_replace_one_strand(tmp_path: Path) -> None:
    """A wrong invoice is reversed and issued anew while plate and cover stand: nothing is being called off."""
    made = _cancelled(())
    (car,) = made.cars
    made.say("sale.events", car, sale.SaleCorrectedV1(vin=car.vin, model="海豚 2026", reason="wrong model"))
    organisation, reverse = _undoing(car)["invoice"]
    made.do(organisation, car, reverse, made.ask(organisation, car, reverse).id)
    again = tax.InvoiceRequestV1.model_validate(made.effect("invoice.request")["body"], strict=False)
    made.do("tax", car, again, made.ask("tax", car, again).id)
    made.case().update(headline="OPEN", owner="desk")
    verdict = _judge(made, tmp_path)
    assert verdict.clean, verdict.findings


def test_a_case_that_claims_too_much_is_found(tmp_path: Path) -> None:
    """The case says PAID, the tax office's ledger does not."""
    made = scene(("cash",))
    made.ledger = [line for line in made.ledger if line["operation"] not in {*_AFTER, "tax.pay"}]
    facets = [facet for facet in made.case()["facets"] if facet["name"] in {"tax", "invoice"}]
    made.case().update(headline="MANUAL", owner="desk", closed_at=None, facets=facets)
    verdict = _judge(made, tmp_path)
    assert [(finding.what, finding.about) for finding in verdict.findings] == [("claimed-without-effect", "tax.pay")]


def test_a_field_that_a_party_may_not_see_is_found(tmp_path: Path) -> None:
    """A buyer's phone in a question to MIIT breaks the contract and tells MIIT what it must not know."""
    made = scene(("cash",))
    record = made.record("miit.commands", "coc.query")
    record["value"] = record["value"].replace("{", '{"phone":"15400000999",', 1)
    found = {(finding.what, finding.about.partition(":")[0]) for finding in _judge(made, tmp_path).findings}
    assert ("denied-field", "phone") in found
    assert ("undecodable", "contract") in found
