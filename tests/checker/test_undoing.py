"""A broken case is taken back in reverse order, before registration; corrections replace one strand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from contracts import loan, police, sale, tax
from contracts.contract import Contract
from services.checker import Verdict, check
from tests.checker.synthetic import (
    INSURER,
    LENDER,
    NOW,
    Car,
    Scene,
    cover_end,
    invoice_no,
    scene,
    tax_declaration,
    tax_payment,
    tax_reclaim,
)

_AFTER = {
    "registration.register",
    "insurance.endorse",
    "mortgage.cosign",
    "mortgage.register",
    "elicence.issue",
    "plate.dispatch",
}


def _undoing(car: Car) -> dict[str, tuple[str, Contract]]:
    why = "cancelled"
    return {
        "plate": ("police", police.PlateReleaseV1(vin=car.vin, reservation_no=f"RS{car.number}", reason=why)),
        "insurance": (
            f"insurer-{INSURER}",
            cover_end(car),
        ),
        "tax": ("tax", tax_reclaim(car)),
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
        made.carry_out(organisation, car, command)
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
    made.carry_out(organisation, car, reverse)
    again = tax.InvoiceRequestV1.model_validate(made.effect("invoice.request")["body"], strict=False)
    made.carry_out("tax", car, again)
    made.case().update(headline="OPEN", owner="desk")
    verdict = _judge(made, tmp_path)
    assert verdict.clean, verdict.findings


def _hold(made: Scene, facet: str) -> None:
    """Let the journey have told that a facet of the first car's case was held once."""
    record = made.record("case.events", "case.changed")
    told = json.loads(record["value"])
    for each in told["facets"]:
        if each["name"] == facet:
            each.update(hold="mismatch", owner="desk")
    record["value"] = json.dumps(told)


def _answer_again(made: Scene) -> None:
    """The second declaration is answered between the first and the payment, and settled."""
    assessed, paid = made.record("tax.events", "tax.assessed"), made.record("tax.events", "tax.paid")
    headers = {**assessed["headers"], "ce_id": "again-assessed", "ce_causationid": "again"}
    made.topics["tax.events"].append({**assessed, "offset": paid["offset"], "headers": headers})
    paid["offset"] += 1
    said = made.topics["delivery.events"]
    settled = next(line for line in said if '"tax.declare"' in line["value"])
    told = {**json.loads(settled["value"]), "delivery_id": "again"}
    headers = {**settled["headers"], "ce_id": "again-settled"}
    said.append({**settled, "offset": len(said), "headers": headers, "value": json.dumps(told)})


def _declared_after(days: int) -> Callable[[Scene], None]:
    """The second declaration is of that many days after the invoice."""

    def spoil(made: Scene) -> None:
        again = next(line for line in made.topics["tax.commands"] if line["headers"]["ce_id"] == "again")
        told = json.loads(again["value"])
        bought_on = date.fromisoformat(told["invoice_date"])
        again["value"] = json.dumps({**told, "declared_on": (bought_on + timedelta(days=days)).isoformat()})

    return spoil


@pytest.mark.parametrize(
    ("reason", "good"),
    [
        (lambda made: _hold(made, "tax"), True),
        (lambda _made: None, False),
        (_declared_after(61), True),
        (_declared_after(60), False),
    ],
    ids=["held", "no reason", "late, and a day later", "in time, and a day later"],
)
def test_a_tax_is_declared_again_only_for_a_reason(
    reason: Callable[[Scene], None],
    good: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    """After a hold, or since a surcharge runs until payment: the new one replaces the old; else it is a duplicate."""
    made = scene(("cash",))
    first = made.effect("tax.declare")
    paid = made.ledger.pop(made.ledger.index(made.effect("tax.pay")))
    # Declared, declared again, paid: the second command goes between the two that were there.
    command, payment = made.record("tax.commands", "tax.declare"), made.record("tax.commands", "tax.pay")
    again = {**command, "offset": payment["offset"], "headers": {**command["headers"], "ce_id": "again"}}
    payment["offset"] += 1
    made.topics["tax.commands"].append(again)
    _answer_again(made)
    at = made.ledger.index(first) + 1
    made.ledger[at:at] = [{**first, "key": "again"}, paid]
    reason(made)
    found = [(finding.what, finding.about) for finding in _judge(made, tmp_path).findings]
    assert found == ([] if good else [("second-effect", "tax.declare")])


def test_a_strand_that_was_mended_may_be_called_off_later(tmp_path: Path) -> None:
    """A tax reclaimed and paid again while the plate stood, then everything taken back in reverse order."""
    made = _cancelled(())
    (car,) = made.cars
    _hold(made, "tax")
    for command in (tax_reclaim(car), tax_declaration(car), tax_payment(car)):
        made.carry_out("tax", car, command)
    for name in ("plate", "insurance", "tax", "loan", "invoice"):
        organisation, undoing = _undoing(car)[name]
        made.carry_out(organisation, car, undoing)
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


@pytest.mark.parametrize("told", ['"phone":"15400000999"', '"seen":[{"by":[{"phone":"15400000999"}]}]'])
def test_a_field_that_a_party_may_not_see_is_found(told: str, tmp_path: Path) -> None:
    """A buyer's phone in a question to MIIT, however deep, tells MIIT what it must not know."""
    made = scene(("cash",))
    record = made.record("miit.commands", "coc.query")
    record["value"] = record["value"].replace("{", f"{{{told},", 1)
    found = {(finding.what, finding.about.partition(":")[0]) for finding in _judge(made, tmp_path).findings}
    assert ("denied-field", "phone") in found
    assert ("undecodable", "contract") in found
