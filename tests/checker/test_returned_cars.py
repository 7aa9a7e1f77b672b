"""What happens after registration: the lender signs, loans are paid back, mortgages end, and cars go back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from contracts import police, sale
from services.checker import Verdict, check
from tests.checker.synthetic import (
    LENDER,
    NOW,
    OTHER_LENDER,
    Car,
    Scene,
    deregistration,
    give_back,
    registration,
    release,
    scene,
    settle,
    signing,
)

Found = list[tuple[str, str]]
CASH = ("licence", "register", "cover", "tax")
LOAN = ("mortgage", *CASH)


def _judge(made: Scene, folder: Path) -> Verdict:
    return check(made.write(folder), NOW)


def _found(made: Scene, folder: Path) -> Found:
    return [(finding.what, finding.about) for finding in _judge(made, folder).findings]


def _car(made: Scene) -> Car:
    (car,) = made.cars
    return car


@pytest.mark.parametrize("order", [CASH, ("licence", "register", "tax", "cover")])
def test_a_returned_car_is_clean(order: Sequence[str], tmp_path: Path) -> None:
    """Licence, register, then cover and tax in any order; the sale's own case stays closed."""
    made = scene(("cash", "cash"))
    give_back(made, made.cars[0], order)
    verdict = _judge(made, tmp_path)
    assert verdict.clean, verdict.findings


def test_a_returned_cars_loan_is_settled_first(tmp_path: Path) -> None:
    """The bank gives notice, the mortgage goes, and then the car."""
    made = scene(("loan",))
    settle(made, _car(made))
    give_back(made, _car(made), LOAN)
    verdict = _judge(made, tmp_path)
    assert verdict.clean, verdict.findings


def test_who_never_paid_tax_gets_none_back(tmp_path: Path) -> None:
    """A return of a car that was relieved of its tax, or whose tax is used up, asks for none."""
    made = scene(("cash",))
    back = give_back(made, _car(made), ("licence", "register", "cover"))
    (line,) = (line for line in made.cases if line["id"] == back.case)
    facet = next(facet for facet in line["facets"] if facet["name"] == "tax")
    facet["state"] = "NOTHING_LEFT"
    assert _found(made, tmp_path) == []


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (
            ("register", "licence", "cover", "tax"),
            [("undone-out-of-order", "elicence.issue < registration.deregister")],
        ),
        (
            ("licence", "cover", "register", "tax"),
            [
                ("guard-open", "insurance.cancel by DEREGISTERED"),
                ("undone-out-of-order", "registration.register < insurance.cancel"),
            ],
        ),
        (
            ("licence", "tax", "register", "cover"),
            [
                ("guard-open", "tax.reclaim by PTL-15"),
                ("undone-out-of-order", "registration.register < tax.reclaim"),
            ],
        ),
        (("licence", "register", "cover"), [("closed-without-effect", "tax.reclaim")]),
        (("licence", "register", "tax"), [("closed-without-effect", "insurance.cancel")]),
        (("licence", "register", "register", "cover", "tax"), [("second-effect", "registration.deregister")]),
        (
            ("licence", "register", "cover", "cover", "tax"),
            [("undone-twice", "insurance.cancel")],
        ),
    ],
)
def test_a_return_out_of_order_is_found(order: Sequence[str], found: Found, tmp_path: Path) -> None:
    """Also where the case was held: nothing of a return may be done for a reason before its turn."""
    made = scene(("cash",))
    back = give_back(made, _car(made), order)
    _hold(made, back.case, "ins")
    assert _found(made, tmp_path) == found


def test_a_return_without_deregistration_is_found(tmp_path: Path) -> None:
    """The case says that all is done, and the car is still on the register."""
    made = scene(("cash",))
    give_back(made, _car(made), ("licence",))
    assert _found(made, tmp_path) == [
        ("closed-without-effect", "insurance.cancel"),
        ("closed-without-effect", "registration.deregister"),
        ("closed-without-effect", "tax.reclaim"),
    ]


def test_an_open_return_that_claims_too_much_is_found(tmp_path: Path) -> None:
    """It says REVOKED and DEREGISTERED; the police did neither. What stands from the sale it may say."""
    made = scene(("cash",))
    back = give_back(made, _car(made), ())
    (line,) = (line for line in made.cases if line["id"] == back.case)
    states = {"ins": "BOUND", "tax": "PAID"}
    facets = [facet | {"state": states.get(facet["name"], facet["state"])} for facet in line["facets"]]
    line.update(headline="OPEN", closed_at=None, owner="desk", facets=facets)
    assert _found(made, tmp_path) == [
        ("claimed-without-effect", "elicence.revoke"),
        ("claimed-without-effect", "registration.deregister"),
    ]


def test_a_car_struck_off_under_a_mortgage_is_found(tmp_path: Path) -> None:
    """L423: the lender's right stands on the register."""
    made = scene(("loan",))
    give_back(made, _car(made), CASH)
    assert _found(made, tmp_path) == [("undone-out-of-order", "mortgage.register < registration.deregister")]


def test_a_ground_for_others_is_found(tmp_path: Path) -> None:
    """The cover of a struck-off car ends by CTPL 16, not by the insurer's rule for cars that were never registered."""
    made = scene(("cash",))
    give_back(made, _car(made), CASH)
    for record in made.topics[f"insurer-{_insurer(made)}.commands"]:
        record["value"] = record["value"].replace("DEREGISTERED", "NOT_REGISTERED")
    assert _found(made, tmp_path) == [("guard-open", "insurance.cancel by NOT_REGISTERED")]


def _insurer(made: Scene) -> str:
    (topic,) = (topic for topic in made.topics if topic.startswith("insurer-") and topic.endswith(".commands"))
    return topic.removeprefix("insurer-").removesuffix(".commands")


def test_a_sale_that_strikes_its_own_car_off_is_found(tmp_path: Path) -> None:
    """After registration a sale's case repairs forward; only a return has its own case."""
    made = scene(("cash",))
    made.carry_out("police", _car(made), deregistration(_car(made)))
    found = _found(made, tmp_path)
    assert ("unexpected-effect", "registration.deregister") in found
    assert ("closed-without-effect", "registration.register") in found


def test_a_release_after_settlement_is_clean(tmp_path: Path) -> None:
    """The closed case hears of it: the mortgage is off the record, as it says."""
    made = scene(("loan",))
    settle(made, _car(made))
    made.carry_out("police", _car(made), release(_car(made)))
    _state(made, loan="SETTLED", mort="RELEASED")
    assert _found(made, tmp_path) == []


@pytest.mark.parametrize("late", [True, False])
def test_a_release_before_settlement_is_found(late: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """Whether the notice comes too late or never."""
    made = scene(("loan",))
    made.carry_out("police", _car(made), release(_car(made)))
    if late:
        settle(made, _car(made))
    _state(made, loan="SETTLED", mort="RELEASED")
    assert _found(made, tmp_path) == [("guard-open", "mortgage.release < loan.settled")]


def test_the_polices_own_release_is_believed(tmp_path: Path) -> None:
    """They gave notice that the mortgage is off their record; nobody asked for it."""
    made = scene(("loan",))
    car = _car(made)
    told = police.MortgageReleasedV1(vin=car.vin, mortgage_no=f"M{car.number}")
    made.say("police.events", car, told, source="urn:tongche:dispatch:police", sourceid="J-1", subject=car.key)
    _state(made, mort="RELEASED")
    assert _found(made, tmp_path) == []


def _state(made: Scene, **states: str) -> None:
    for facet in made.case()["facets"]:
        facet["state"] = states.get(facet["name"], facet["state"])


def _hold(made: Scene, case: str, facet: str) -> None:
    """Let the journey have told that a facet of a case was held once."""
    record = next(one for one in made.topics["case.events"] if one["headers"]["ce_subject"] == case)
    told = json.loads(record["value"])
    for each in told["facets"]:
        if each["name"] == facet:
            each.update(hold="mismatch", owner="desk")
    record["value"] = json.dumps(told)


def _without(made: Scene, *operations: str) -> None:
    """As if these had never been asked for."""
    gone = {line["key"] for line in made.ledger if line["operation"] in operations}
    made.ledger = [line for line in made.ledger if line["key"] not in gone]
    for topic, records in made.topics.items():
        told = {"ce_id", "ce_causationid"}
        made.topics[topic] = [one for one in records if not gone & {one["headers"].get(name) for name in told}]


def _held(made: Scene) -> None:
    _hold(made, _car(made).case, "mort")


def _settled(made: Scene) -> None:
    settle(made, _car(made))


def _released(made: Scene) -> None:
    car = _car(made)
    made.say("police.events", car, police.MortgageReleasedV1(vin=car.vin, mortgage_no="M9"), subject=car.key)


def _nothing(_: Scene) -> None:
    return None


_UNSIGNED: Found = [("closed-without-effect", "mortgage.cosign"), ("closed-without-effect", "mortgage.register")]


@pytest.mark.parametrize(
    ("state", "reason", "found"),
    [
        ("SECURED", _held, []),
        ("SECURED", _nothing, _UNSIGNED),
        ("SECURED", _settled, _UNSIGNED),
        ("NOT_NEEDED", _settled, []),
        ("NOT_NEEDED", _nothing, _UNSIGNED),
        ("NOT_NEEDED", _held, _UNSIGNED),
        ("RELEASED", _released, []),
        ("RELEASED", _nothing, _UNSIGNED),
        ("REGISTERED", _held, _UNSIGNED),
    ],
)
def test_a_financed_sale_without_mortgage_needs_a_reason(
    state: str, reason: Callable[[Scene], None], found: Found, tmp_path: Path
) -> None:
    """Other security after a hold, a settlement or a release: what the case says is believed with its evidence only."""
    made = scene(("loan",))
    _without(made, "mortgage.cosign", "mortgage.register")
    _state(made, mort=state)
    reason(made)
    assert _found(made, tmp_path) == found


@pytest.mark.parametrize("told", [True, False])
def test_a_loan_is_dropped_by_the_buyers_word(told: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A sale on credit that closed for cash has a correction that says so."""
    made = scene(("loan",))
    car = _car(made)
    _without(made, "loan.apply", "mortgage.cosign", "mortgage.register")
    _state(made, loan="NOT_NEEDED", mort="NOT_NEEDED")
    cash = sale.SaleCorrectedV1(vin=car.vin, pay_cash=True if told else None, phone=car.phone, reason="pays cash")
    made.say("sale.events", car, cash)
    found = _found(made, tmp_path)
    assert (found == []) == told, found
    assert told or ("closed-without-effect", "loan.apply") in found


def test_a_mortgage_that_the_lender_did_not_sign_is_found(tmp_path: Path) -> None:
    """Owner and mortgagee apply together."""
    made = scene(("loan",))
    _without(made, "mortgage.cosign")
    assert _found(made, tmp_path) == [
        ("closed-without-effect", "mortgage.cosign"),
        ("guard-open", "mortgage.register < mortgage.cosign"),
    ]


def test_other_security_excuses_no_mortgage_without_signature(tmp_path: Path) -> None:
    """The case needs none any more, but one was registered all the same."""
    made = scene(("loan",))
    _without(made, "mortgage.cosign")
    _state(made, mort="SECURED")
    _held(made)
    assert _found(made, tmp_path) == [("guard-open", "mortgage.register < mortgage.cosign")]


def test_a_car_is_registered_and_struck_off_a_second_time(tmp_path: Path) -> None:
    """What its first return took away may be done anew, and taken away again."""
    made = scene(("cash",))
    give_back(made, _car(made), ("licence", "register"))
    for line in made.cases:
        line.update(headline="OPEN", owner="desk", closed_at=None, facets=[])
    asked = made.ask("police", _car(made), registration(_car(made)))
    made.do("police", _car(made), registration(_car(made)), asked.id)
    again = made.ask("police", _car(made), deregistration(_car(made)))
    made.do("police", _car(made), deregistration(_car(made)), again.id)
    found = _found(made, tmp_path)
    assert not [about for what, about in found if what in {"second-effect", "undone-twice"}], found


def test_a_signature_after_the_mortgage_is_found(tmp_path: Path) -> None:
    """It was registered without it."""
    made = scene(("loan",))
    signed = made.effect("mortgage.cosign")
    made.ledger.remove(signed)
    made.ledger.insert(made.ledger.index(made.effect("mortgage.register")) + 1, signed)
    assert _found(made, tmp_path) == [("guard-open", "mortgage.register < mortgage.cosign")]


def test_a_signature_before_registration_is_found(tmp_path: Path) -> None:
    """There is nothing yet that could be mortgaged."""
    made = scene(("loan",))
    signed = made.effect("mortgage.cosign")
    made.ledger.remove(signed)
    made.ledger.insert(made.ledger.index(made.effect("registration.register")), signed)
    assert _found(made, tmp_path) == [("guard-open", "mortgage.cosign < registration.register")]


def test_another_bank_that_signs_is_found(tmp_path: Path) -> None:
    """Only the lender of the sale has a part in it."""
    made = scene(("loan",))
    asked = made.ask(f"bank-{OTHER_LENDER}", _car(made), signing(_car(made)))
    made.tell(f"bank-{OTHER_LENDER}", _car(made), asked, state="cancelled")
    assert _found(made, tmp_path) == [("wrong-recipient", "mortgage.cosign")]


def test_another_insurer_of_a_return_is_found(tmp_path: Path) -> None:
    """Its case has no sale of its own; the sale of the car says who insures it."""
    made = scene(("cash",))
    give_back(made, _car(made), CASH)
    topic = f"insurer-{_insurer(made)}.commands"
    moved = [one for one in made.topics[topic] if "insurance.cancel" in one["headers"]["ce_type"]]
    made.topics[topic] = [one for one in made.topics[topic] if one not in moved]
    made.topics[f"insurer-{LENDER}.commands"] = moved
    made.effect("insurance.cancel")["organisation"] = f"insurer-{LENDER}"
    assert ("wrong-recipient", "insurance.cancel") in _found(made, tmp_path)


def test_a_notice_of_a_car_that_nobody_sold_is_clean(tmp_path: Path) -> None:
    """It waits for a case that may never open; the checker has nothing to say about it."""
    made = scene(("cash",))
    settle(made, Car(99, "loan"))
    assert _found(made, tmp_path) == []
