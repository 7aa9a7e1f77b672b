"""Each planted bug is found, under its own counter and no other."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from contracts import loan, tax
from contracts.certificate import CocConfirmedV1
from services.checker import Verdict, check
from tests.checker.synthetic import (
    INSURER,
    LENDER,
    NOW,
    OTHER_INSURER,
    Scene,
    binding,
    cover_end,
    invoice_no,
    release,
    scene,
    settle,
    tax_payment,
)

Spoil = Callable[[Scene], None]
CASH, LOAN, EXPORT, OTHER = 0, 1, 2, 3


def _judge(made: Scene, folder: Path) -> Verdict:
    return check(made.write(folder), NOW)


def _found(verdict: Verdict) -> set[str]:
    return {finding.what for finding in verdict.findings}


def _counted(verdict: Verdict) -> dict[str, int]:
    return {str(ledger): count for ledger, count in verdict.counts.items() if count}


def test_a_good_day_is_clean(tmp_path: Path) -> None:
    """Cash, loan and export sales that came to their end leave nothing to find."""
    verdict = _judge(scene(), tmp_path)
    assert verdict.clean, verdict.findings
    assert verdict.notes["sales"] == 5
    assert verdict.notes["effects"] == 44


def _forget_message(made: Scene) -> None:
    made.topics["sale.events"].remove(made.record("sale.events", "sale.confirmed"))


def _forget_case(made: Scene) -> None:
    made.cases.remove(made.case())


def _accept_twice(made: Scene) -> None:
    made.history.append(made.history[0])


def _accept_as_another(made: Scene) -> None:
    made.history.append({**made.history[0], "id": "case-1-again"})


def _repeat_effect(made: Scene) -> None:
    made.ledger.append(made.effect("tax.pay"))


def _pay_again(made: Scene) -> None:
    made.carry_out("tax", made.cars[CASH], tax_payment(made.cars[CASH]))


def _act_unasked(made: Scene) -> None:
    made.ledger.append({**made.effect("plate.dispatch"), "key": "nobody", "operation": "plate.resend"})


def _undo_nothing(made: Scene) -> None:
    car = made.cars[CASH]
    settle(made, car)
    made.carry_out("police", car, release(car))


def _lend_for_cash(made: Scene) -> None:
    car = made.cars[CASH]
    wish = loan.LoanApplyV1.model_validate({**made.effect("loan.apply", LOAN)["body"], "vin": car.vin}, strict=False)
    made.carry_out(f"bank-{LENDER}", car, wish)


def _swap_effects(made: Scene) -> None:
    _swap(made, "elicence.issue", "plate.dispatch")


def _register_before_tax(made: Scene) -> None:
    paid = made.effect("tax.pay")
    made.ledger.remove(paid)
    made.ledger.append(paid)


def _swap(made: Scene, first: str, second: str) -> None:
    one, other = made.ledger.index(made.effect(first)), made.ledger.index(made.effect(second))
    made.ledger[one], made.ledger[other] = made.ledger[other], made.ledger[one]


def _swap_answers(made: Scene) -> None:
    one = made.record("police.events", "elicence.issued")
    other = made.record("police.events", "plate.dispatched")
    one["offset"], other["offset"] = other["offset"], one["offset"]


def _uncertified(made: Scene) -> None:
    asked = made.record("miit.commands", "coc.query")["headers"]["ce_id"]
    made.requests = [line for line in made.requests if line["key"] != asked]


@pytest.mark.parametrize(("is_told_first", "found"), [(True, set()), (False, {"guard-open"})])
def test_a_certificate_that_was_told_unasked_counts_from_then_on(
    tmp_path: Path,
    is_told_first: bool,  # noqa: FBT001
    found: set[str],
) -> None:
    """Nobody answered the question, but MIIT told of it by itself: in time, or too late."""
    made = scene()
    _uncertified(made)
    answer = made.record("miit.events", "coc.confirmed")
    car = made.cars[CASH]
    made.say("miit.events", car, CocConfirmedV1.model_validate_json(answer["value"]), sourceid="GX-1", subject=car.key)
    if is_told_first:
        asked = made.record("miit.commands", "coc.query")
        made.topics["miit.events"][-1]["timestamp"] = asked["timestamp"]
    assert _found(_judge(made, tmp_path)) == found


def _other_key(made: Scene) -> None:
    made.record("police.commands", "elicence.issue")["key"] = "0" * 32


def _other_partition(made: Scene) -> None:
    made.record("customs.commands", "export.track", EXPORT)["partition"] += 1


def _older_version(made: Scene) -> None:
    first, second = (line for line in made.topics["case.events"] if line["key"] == made.cars[CASH].key)
    first["offset"], second["offset"] = second["offset"], first["offset"]


def _undo_after_registration(made: Scene) -> None:
    car = made.cars[CASH]
    organisation = f"insurer-{INSURER}"
    made.carry_out(organisation, car, cover_end(car))
    # Otherwise the closed case would, rightly, also lack its cover.
    made.carry_out(organisation, car, binding(car))


def _open(made: Scene, **changes: object) -> None:
    made.case().update({"headline": "OPEN", "closed_at": None, **changes})


def _silent(made: Scene) -> None:
    _open(made)


def _dead_timer(made: Scene) -> None:
    due = (NOW - timedelta(minutes=5)).isoformat()
    _open(made, timers=[{"name": "watch:tax", "due": due}])


def _closed_unregistered(made: Scene) -> None:
    made.ledger.remove(made.effect("elicence.issue"))


def _cancelled_and_paid(made: Scene) -> None:
    made.case(OTHER)["headline"] = "CANCELLED"
    made.ledger = [line for line in made.ledger if line["vin"] != made.cars[OTHER].vin] + [
        made.effect("invoice.request", OTHER)
    ]


def _leak_in_command(made: Scene) -> None:
    car = made.cars[LOAN]
    told = tax.InvoiceReverseV1(vin=car.vin, invoice_no=invoice_no(car), reason=f"贷款合同 {car.loan_contract_no}")
    made.carry_out("tax", car, told)
    made.ledger.pop()


def _leak_in_log(made: Scene) -> None:
    made.logs.append(json.dumps({"event": "请求失败", "detail": f"电话{made.cars[CASH].phone}"}))


def _escaped_name_in_log(made: Scene) -> None:
    made.logs.append(json.dumps({"event": "failed", "who": made.cars[CASH].buyer_name}, ensure_ascii=True))


def _vin_in_log(made: Scene) -> None:
    made.logs.append(f"GET /cases?vin={made.cars[CASH].vin.lower()} 200")


def _leak_in_span(made: Scene) -> None:
    record = made.record("telemetry.spans", "telemetry.spans")
    told = json.loads(record["value"])
    told["spans"][0]["attributes"]["vin"] = made.cars[CASH].vin
    record["value"] = json.dumps(told)


def _leak_in_dead_letter(made: Scene) -> None:
    headers = made.record("delivery.events", "delivery.changed")["headers"]
    value = json.loads(made.record("delivery.events", "delivery.changed")["value"])
    told = {**value, "state": "dead", "reason": f"证件 {made.cars[CASH].buyer_id_no}"}
    made.put("tax.dead", made.cars[CASH].key, headers, json.dumps(told))


def _leak_in_body(made: Scene) -> None:
    made.effect("licence.apply", EXPORT)["body"]["lxdh"] = made.cars[CASH].phone


def _leak_in_snapshot(made: Scene) -> None:
    record = made.record("case.events", "case.changed")
    record["value"] = record["value"].replace('"order_no":"XS000001"', f'"order_no":"{made.cars[CASH].plate_no}"')


def _leak_in_header(made: Scene) -> None:
    made.record("police.commands", "plate.reserve")["headers"]["ce_purpose"] = made.cars[CASH].phone


def _vin_as_key(made: Scene) -> None:
    for records in made.topics.values():
        for record in records:
            if record["key"] == made.cars[CASH].key:
                record["key"] = made.cars[CASH].vin


def _wrong_insurer(made: Scene) -> None:
    car = made.cars[CASH]
    asked = made.ask(f"insurer-{OTHER_INSURER}", car, binding(car))
    made.tell(f"insurer-{OTHER_INSURER}", car, asked, state="cancelled")


def _garbage(made: Scene) -> None:
    made.put("tax.events", "0" * 32, {"ce_id": "x"}, {"base64": base64.b64encode(b"\xff\x00").decode()})


def _unknown_field(made: Scene) -> None:
    record = made.record("tax.events", "tax.paid")
    record["value"] = record["value"].replace("{", '{"colour":"red",', 1)


def _no_pack(made: Scene) -> None:
    record = made.topics["case.events"][1]
    record["value"] = record["value"].replace('"NEV-26",', "")


def _expired_pack(made: Scene) -> None:
    record = made.topics["case.events"][1]
    record["value"] = record["value"].replace("NEV-26", "NEV-24")


def _surcharge_without_terms(made: Scene) -> None:
    record = made.topics["case.events"][1]
    record["value"] = record["value"].replace('"PTL-2019",', "")
    assessed = made.record("tax.events", "tax.assessed")
    assessed["value"] = json.dumps(json.loads(assessed["value"]) | {"surcharge": 500, "late_days": 1})


def _signal_as_pack(made: Scene) -> None:
    record = made.topics["case.events"][1]
    record["value"] = record["value"].replace('"NEV-26"', '"NEV-26","PILOT-40"')


PLANTED: dict[str, tuple[Spoil, dict[str, int], set[str]]] = {
    "lost before the topic": (_forget_message, {"lost": 1}, {"sale-not-published"}),
    "lost before the case": (_forget_case, {"lost": 1}, {"sale-without-case"}),
    "accepted twice": (_accept_twice, {"lost": 1}, {"sale-accepted-twice"}),
    "one effect, one key, twice": (_repeat_effect, {"duplicate_effects": 1}, {"key-twice"}),
    "paid again under another key": (_pay_again, {"duplicate_effects": 1}, {"second-effect"}),
    "nobody asked for it": (_act_unasked, {"duplicate_effects": 1}, {"uncommanded"}),
    "nothing was there to undo": (_undo_nothing, {"duplicate_effects": 1}, {"undone-twice"}),
    "a loan for a cash sale": (_lend_for_cash, {"duplicate_effects": 1}, {"unexpected-effect"}),
    "effects swapped": (_swap_effects, {"out_of_order": 1}, {"effects-reordered"}),
    "answers swapped": (_swap_answers, {"out_of_order": 1}, {"answers-reordered"}),
    "registered before the tax": (_register_before_tax, {"out_of_order": 1}, {"guard-open"}),
    "invoiced and registered without certificate": (_uncertified, {"out_of_order": 2}, {"guard-open"}),
    "two keys for one vehicle": (_other_key, {"out_of_order": 1}, {"two-keys"}),
    "two partitions for one vehicle": (_other_partition, {"out_of_order": 1}, {"two-partitions"}),
    "an older snapshot after a newer": (_older_version, {"out_of_order": 1}, {"versions-reordered"}),
    "a silent case": (_silent, {"stuck": 1}, {"nobody-waits"}),
    "a dead timer": (_dead_timer, {"stuck": 1}, {"nobody-waits"}),
    "closed without licence": (_closed_unregistered, {"stuck": 1}, {"closed-without-effect"}),
    "cancelled with an invoice": (_cancelled_and_paid, {"stuck": 1}, {"cancelled-with-effect"}),
    "a contract number in a tax command": (_leak_in_command, {"leaks": 1}, {"denied-value"}),
    "a phone in a log": (_leak_in_log, {"leaks": 1}, {"denied-value"}),
    "an escaped name in a log": (_escaped_name_in_log, {"leaks": 1}, {"denied-value"}),
    "a VIN in a plain log line": (_vin_in_log, {"leaks": 1}, {"denied-value"}),
    "a VIN in a span": (_leak_in_span, {"leaks": 1}, {"denied-value"}),
    "an identity number in a dead letter": (_leak_in_dead_letter, {"leaks": 1}, {"denied-value"}),
    "a phone sent to commerce": (_leak_in_body, {"leaks": 1}, {"denied-value"}),
    "a plate in a snapshot": (_leak_in_snapshot, {"leaks": 1}, {"denied-value"}),
    "a phone in a header": (_leak_in_header, {"leaks": 1}, {"denied-value"}),
    "another insurer was asked": (_wrong_insurer, {"leaks": 1}, {"wrong-recipient"}),
    "bytes that are no message": (_garbage, {"unreadable": 1}, {"undecodable"}),
    "a field that no contract has": (_unknown_field, {"unreadable": 1, "lost": 1}, {"undecodable", "answer-lost"}),
    "a tax without pack": (_no_pack, {"unfounded": 1}, {"no-pack"}),
    "a surcharge without pack": (_surcharge_without_terms, {"unfounded": 1}, {"no-pack"}),
    "a tax by last year's pack": (_expired_pack, {"unfounded": 1}, {"no-pack"}),
    "a signal that decided": (_signal_as_pack, {"unfounded": 1}, {"foreign-pack"}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found_and_only_it(name: str, tmp_path: Path) -> None:
    """The right counter counts it, and no other counts anything."""
    spoil, counts, found = PLANTED[name]
    made = scene()
    spoil(made)
    verdict = _judge(made, tmp_path)
    assert (_counted(verdict), _found(verdict)) == (counts, found), verdict.findings


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (_accept_as_another, {"sale-accepted-twice", "sale-not-published"}),
        (_undo_after_registration, {"undone-after-registration"}),
        (_vin_as_key, {"denied-value"}),
    ],
    ids=["accepted as two", "undone after the pivot", "the VIN as key"],
)
def test_a_planted_bug_with_several_sides_is_found(spoil: Spoil, found: set[str], tmp_path: Path) -> None:
    """Some faults break more than one rule, or one rule in many places."""
    made = scene()
    spoil(made)
    assert found <= _found(_judge(made, tmp_path))


@pytest.mark.parametrize("name", [name for name, (_, counts, _) in PLANTED.items() if "leaks" in counts])
def test_no_finding_tells_what_leaked(name: str, tmp_path: Path) -> None:
    """What the checker writes may itself be shown to anybody."""
    made = scene()
    PLANTED[name][0](made)
    told = json.dumps(_judge(made, tmp_path).as_json(), ensure_ascii=False)
    secrets = [(car.vin, car.phone, car.buyer_name, car.buyer_id_no, car.plate_no) for car in made.cars]
    assert not [secret for car in secrets for secret in car if secret in told]


def test_poison_is_told_and_not_blamed(tmp_path: Path) -> None:
    """Raw bytes in a poison topic are noted, also when they hold personal data."""
    made = scene()
    made.put("sale.events.poison", made.cars[CASH].key, {}, f"{{{made.cars[CASH].phone}")
    made.put("sale.events.poison", made.cars[CASH].key, {}, None)
    verdict = _judge(made, tmp_path)
    assert verdict.clean
    assert verdict.notes["poison"] == 2
    assert verdict.notes["poison_with_personal_data"] == 1
