"""Bugs planted into the evidence of a real run: each is named, at its place, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.checker import Verdict, check
from tests.checker.recording import Line, Recording, about, fate, place, unpacked

DEAD = "tax.dead"
LEDGER = "simulator/ledger.jsonl"


@pytest.fixture
def run(tmp_path: Path) -> Recording:
    """A run that a test may spoil."""
    return unpacked(tmp_path)


def _found(run: Recording) -> list[tuple[str, str, str]]:
    verdict = _verdict(run)
    return [(finding.what, finding.where, finding.about) for finding in verdict.findings]


def _verdict(run: Recording) -> Verdict:
    return check(run.folder, run.later)


def _effect(run: Recording, operation: str, vin: str) -> tuple[int, Line]:
    """Where an effect stands in the ledger, counted from one, and the effect."""
    return next(
        (number, line)
        for number, line in enumerate(run.ledger(), start=1)
        if (line["operation"], line["vin"]) == (operation, vin)
    )


def _case_line(run: Recording, case: str) -> str:
    return next(
        f"cases.jsonl:{number}" for number, line in enumerate(run.lines("cases.jsonl"), 1) if line["id"] == case
    )


def _change_case(run: Recording, case: str, **changes: object) -> None:
    cases = [line | changes if line["id"] == case else line for line in run.lines("cases.jsonl")]
    run.rewrite("cases.jsonl", cases)


def test_a_real_run_is_clean(run: Recording) -> None:
    """Seven sales that all closed while one agency was down for a moment leave nothing to find."""
    verdict = _verdict(run)
    assert verdict.clean, verdict.findings
    assert verdict.notes["sales"] == 7
    assert verdict.notes["effects"] == len(run.ledger())


def test_a_lost_acknowledged_sale_is_found(run: Recording) -> None:
    """The publisher was told 202, and no topic has the sale."""
    case = run.sale("cash")["id"]
    run.remove("sale.events", about("sale.confirmed", case))
    history = run.lines("publishers/platform.history.jsonl")
    number = next(number for number, line in enumerate(history, start=1) if line["id"] == case)
    assert _found(run) == [("sale-not-published", f"platform.history.jsonl:{number}", "")]


def test_a_sale_without_a_case_is_found(run: Recording) -> None:
    """The journey let a published sale fall."""
    case = run.sale("export")["id"]
    published = run.record("sale.events", "sale.confirmed", case)
    run.rewrite("cases.jsonl", [line for line in run.lines("cases.jsonl") if line["id"] != case])
    assert _found(run) == [("sale-without-case", place("sale.events", published), "")]


def test_a_duplicate_effect_is_found(run: Recording) -> None:
    """The tax office carried the same idempotency key out twice."""
    _, paid = _effect(run, "tax.pay", run.sale("cash")["vin"])
    where = run.append(LEDGER, json.dumps(paid))
    assert _found(run) == [("key-twice", where.removeprefix("simulator/"), "tax.pay")]


def test_an_effect_out_of_order_is_found(run: Recording) -> None:
    """The police carried two commands for one car out in another order than they were given."""
    vin = run.sale("cash")["vin"]
    (first, issued), (second, sent) = _effect(run, "elicence.issue", vin), _effect(run, "plate.dispatch", vin)
    ledger = run.ledger()
    ledger[first - 1], ledger[second - 1] = sent, issued
    run.keep_ledger(ledger)
    assert _found(run) == [("effects-reordered", f"ledger.jsonl:{second}", "elicence.issue")]


def test_a_stuck_case_is_found(run: Recording) -> None:
    """An open case that has neither a timer nor an owner waits in silence."""
    case = run.sale("loan")["id"]
    _change_case(run, case, headline="OPEN", closed_at=None, timers=[])
    assert _found(run) == [("nobody-waits", _case_line(run, case), "OPEN")]


@pytest.mark.parametrize(
    ("waits", "found"),
    [
        ({}, True),
        ({"owner": "operator"}, False),
        ({"timers": [{"name": "hold:mort", "due": "2999-01-01T00:00:00Z"}]}, False),
    ],
    ids=["for nobody", "for somebody", "for a timer"],
)
def test_a_closed_case_that_is_held_waits_for_somebody(run: Recording, waits: dict[str, object], found: bool) -> None:  # noqa: FBT001 - a column
    """What comes after the end, and is held, can be stuck like anything else."""
    case = run.sale("loan")["id"]
    (line,) = (each for each in run.lines("cases.jsonl") if each["id"] == case)
    facets = [facet | ({"hold": "dead"} if facet["name"] == "mort" else {}) for facet in line["facets"]]
    _change_case(run, case, facets=facets, **waits)
    assert _found(run) == ([("nobody-waits", _case_line(run, case), "CLOSED")] if found else [])


def test_a_case_closed_without_its_effect_is_found(run: Recording) -> None:
    """A case says CLOSED, and no electronic licence was ever issued."""
    sale = run.sale("cash")
    number, _ = _effect(run, "elicence.issue", sale["vin"])
    ledger = run.ledger()
    del ledger[number - 1]
    run.keep_ledger(ledger)
    assert _found(run) == [("closed-without-effect", _case_line(run, sale["id"]), "elicence.issue")]


def test_a_leak_in_a_topic_is_found(run: Recording) -> None:
    """A buyer's phone stands in a snapshot of the case, which everybody of ours may read."""
    sale = run.sale("cash")
    snapshot = run.record("case.events", "case.changed", sale["id"])

    def spoil(data: Line) -> None:
        data["order_no"] = sale["buyer"]["phone"]

    run.change("case.events", lambda record: record == snapshot, spoil)
    assert _found(run) == [("denied-value", place("case.events", snapshot), "phone")]


def test_a_leak_in_a_log_line_is_found(run: Recording) -> None:
    """A name stands, escaped, in what a service logged."""
    where = run.append(
        "logs/dispatch.log", json.dumps({"event": "refused", "who": run.sale("cash")["buyer"]["buyer_name"]})
    )
    assert _found(run) == [("denied-value", where, "buyer_name")]


def test_a_leak_in_a_span_is_found(run: Recording) -> None:
    """A VIN stands among the attributes of a span."""
    vin = run.sale("cash")["vin"]
    first = run.lines("topics/telemetry.spans.jsonl")[0]

    def spoil(data: Line) -> None:
        data["spans"][0]["attributes"]["vehicle"] = vin

    run.change("telemetry.spans", lambda record: record == first, spoil)
    assert _found(run) == [("denied-value", place("telemetry.spans", first), "vin")]


def test_a_leak_in_a_metric_label_is_found(run: Recording) -> None:
    """A VIN became a label, and with it a series for ever."""
    vin = run.sale("cash")["vin"]
    where = run.append("metrics/journey.prom", f'tongche_case_steps_total{{state="{vin}"}} 1.0')
    assert _found(run) == [("denied-value", where, "vin")]


def test_a_leak_in_a_dead_letter_is_found(run: Recording) -> None:
    """A dead letter quotes the buyer's identity number."""
    sale = run.sale("cash")
    (said,) = filter(fate("tax.pay", sale["id"]), run.lines("topics/delivery.events.jsonl"))
    told = json.loads(said["value"]) | {"state": "dead", "reason": f"bad: {sale['buyer']['buyer_id_no']}"}
    letter = run.put(DEAD, {**said, "partition": 0}, told, ce_id="letter")
    assert _found(run) == [("denied-value", place(DEAD, letter), "buyer_id_no")]


def test_a_leak_in_the_export_of_cases_is_found(run: Recording) -> None:
    """The journey's export tells a plate number."""
    sale = run.sale("cash")
    plate = json.loads(run.record("police.events", "registration.registered", sale["id"])["value"])["plate_no"]
    _change_case(run, sale["id"], code=plate)
    assert _found(run) == [("denied-value", _case_line(run, sale["id"]), "plate_no")]


def test_a_leak_in_a_publishers_history_is_found(run: Recording) -> None:
    """What a publisher is told of its sale names the buyer's phone."""
    sale = run.sale("cash")
    history = run.lines("publishers/platform.history.jsonl")
    where = run.append(
        "publishers/platform.history.jsonl", json.dumps({**history[0], "status": sale["buyer"]["phone"]})
    )
    assert _found(run) == [("denied-value", where.removeprefix("publishers/"), "phone")]


def test_a_compensation_after_the_pivot_is_found(run: Recording) -> None:
    """The cover was cancelled though the car is registered."""
    sale = run.sale("cash")
    where = _cancel_cover(run, sale, after="insurance.endorse")
    found = _found(run)
    assert ("undone-after-registration", where, "insurance.cancel") in found
    assert ("closed-without-effect", _case_line(run, sale["id"]), "insurance.bind") in found


def test_a_compensation_in_the_wrong_order_is_found(run: Recording) -> None:
    """The cover was cancelled while the plate that stands on it was still reserved."""
    sale = run.sale("cash")
    where = _cancel_cover(run, sale, after="plate.reserve")
    _change_case(run, sale["id"], headline="CANCELLED")
    found = _found(run)
    assert ("undone-out-of-order", where, "plate.reserve < insurance.cancel") in found


def _cancel_cover(run: Recording, sale: Line, after: str) -> str:
    """Have the insurer cancel right after another effect; where that stands in the ledger."""
    _, bound = _effect(run, "insurance.bind", sale["vin"])
    topic = f"{bound['organisation']}.commands"
    binding = run.record(topic, "insurance.bind", sale["id"])
    policy = json.loads(run.record("insurer.events", "insurance.bound", sale["id"])["value"])["policy_no"]
    wish = {"vin": sale["vin"], "policy_no": policy, "reason": "called off"}
    type_ = "tongche.insurance.cancel.v1"
    run.put(topic, binding, wish, ce_id="cancel", ce_type=type_, ce_dataschema=f"urn:tongche:schema:{type_}")
    number, _ = _effect(run, after, sale["vin"])
    ledger = run.ledger()
    ledger.insert(number, {**bound, "operation": "insurance.cancel", "key": "cancel"})
    run.keep_ledger(ledger)
    return f"ledger.jsonl:{number + 1}"


def test_a_price_without_a_pack_in_force_is_found(run: Recording) -> None:
    """Tax was paid, and the case names no tax pack that holds."""
    sale = run.sale("cash")

    def spoil(data: Line) -> None:
        data["policy_packs"] = [pack for pack in data.get("policy_packs", ()) if not pack.startswith("NEV")]
        for step in data.get("steps", ()):
            if (step.get("pack") or "").startswith("NEV"):
                del step["pack"]

    run.change("case.events", about("case.changed", sale["id"]), spoil)
    number, _ = _effect(run, "tax.pay", sale["vin"])
    assert _found(run) == [("no-pack", f"ledger.jsonl:{number}", "tax.pay")]


def test_an_answer_that_was_said_twice_is_found(run: Recording) -> None:
    """One command was answered under two ids: the journey would hear two facts."""
    case = run.sale("cash")["id"]
    again = run.put("tax.events", run.record("tax.events", "tax.paid", case), ce_id="again")
    assert _found(run) == [("answered-twice", place("tax.events", again), "tax.paid")]


def test_an_answer_that_was_said_again_is_clean(run: Recording) -> None:
    """After a crash the stored answer is said again, with the same id: that is how nothing gets lost."""
    case = run.sale("cash")["id"]
    run.put("tax.events", run.record("tax.events", "tax.paid", case))
    assert _found(run) == []


def test_an_answer_with_another_content_is_found(run: Recording) -> None:
    """The same id was said again with another receipt."""
    paid = run.record("tax.events", "tax.paid", run.sale("cash")["id"])
    again = run.put("tax.events", paid, json.loads(paid["value"]) | {"tax_receipt_no": "R-OTHER"})
    assert _found(run) == [("said-otherwise", place("tax.events", again), "tax.paid")]


def test_an_answer_that_nobody_heard_is_found(run: Recording) -> None:
    """A delivery was settled, and its answer never came to a topic."""
    case = run.sale("cash")["id"]
    run.remove("police.events", about("plate.delivered", case))
    *_, said = filter(fate("plate.track", case), run.lines("topics/delivery.events.jsonl"))
    assert _found(run) == [("answer-lost", place("delivery.events", said), "plate.track")]


@pytest.fixture
def unended(run: Recording) -> tuple[Recording, Line]:
    """A run in which the last command of a cash sale is still under way, and the case waits with an owner."""
    sale = run.sale("cash")
    run.remove("police.events", about("plate.delivered", sale["id"]))
    _change_case(run, sale["id"], headline="MANUAL", owner="operator", closed_at=None)
    return run, sale


def _say(run: Recording, sale: Line, **changes: object) -> str:
    """Let the last command's delivery have come to another state; where that is said."""

    def spoil(data: Line) -> None:
        data.update(changes)

    return run.change("delivery.events", fate("plate.track", sale["id"]), spoil)


def test_a_parked_delivery_that_nobody_will_try_is_found(unended: tuple[Recording, Line]) -> None:
    """Parked, first of its vehicle, and without a next try."""
    run, sale = unended
    where = _say(run, sale, state="parked")
    assert _found(run) == [("parked-for-ever", where, "plate.track")]


@pytest.mark.parametrize(("held", "found"), [(False, ["parked-for-ever"]), (True, [])])
def test_a_next_try_that_never_came_is_found(unended: tuple[Recording, Line], held: bool, found: list[str]) -> None:  # noqa: FBT001
    """Its next try is long over, and only an open breaker explains that nobody tried."""
    run, sale = unended
    _say(run, sale, state="parked", next_try_at="2026-11-21T00:00:00.000Z")
    if held:
        run.append("metrics/dispatch.prom", 'tongche_breaker_state{organisation="police"} 2.0')
    assert [what for what, _, _ in _found(run)] == found


def test_a_parked_delivery_with_a_next_try_is_clean(unended: tuple[Recording, Line]) -> None:
    """Waiting is no fault."""
    run, sale = unended
    _say(run, sale, state="parked", next_try_at=run.later.isoformat())
    assert _found(run) == []


def test_what_is_parked_behind_another_needs_no_next_try(unended: tuple[Recording, Line]) -> None:
    """Its turn comes when the head of its vehicle has ended; until then the head's next try is its own."""
    run, sale = unended
    _say(run, sale, state="parked")
    waits = {"state": "parked", "next_try_at": run.later.isoformat()}
    run.change("delivery.events", fate("plate.dispatch", sale["id"]), lambda data: data.update(waits))
    assert _found(run) == []


def test_a_dead_delivery_without_an_owner_is_found(unended: tuple[Recording, Line]) -> None:
    """Nobody will try it, nobody is named who must act, and no dead letter tells of it."""
    run, sale = unended
    where = _say(run, sale, state="dead")
    assert _found(run) == [("dead-unowned", where, "plate.track"), ("dead-untold", where, "plate.track")]


def test_a_dead_delivery_with_owner_and_letter_is_clean(unended: tuple[Recording, Line]) -> None:
    """A person knows of it: that is where the machine's duty ends."""
    run, sale = unended
    _say(run, sale, state="dead", owner="operator", failure="deadline")
    *_, said = filter(fate("plate.track", sale["id"]), run.lines("topics/delivery.events.jsonl"))
    run.put("police.dead", {**said, "partition": 0}, ce_id="letter")
    assert _found(run) == []


@pytest.mark.parametrize("state", [0, 2])
def test_a_command_that_nobody_heard_of_is_found(unended: tuple[Recording, Line], state: int) -> None:
    """Given long ago, first of its vehicle, never spoken of again; unless a breaker holds the organisation."""
    run, sale = unended
    run.remove("delivery.events", fate("plate.track", sale["id"]))
    run.append("metrics/dispatch.prom", f'tongche_breaker_state{{organisation="police"}} {state}.0')
    command = run.record("police.commands", "plate.track", sale["id"])
    expected = [("waits-unheld", place("police.commands", command), "plate.track")]
    assert _found(run) == ([] if state else expected)


def test_a_change_that_was_never_told_is_found(run: Recording) -> None:
    """The journey's own record is ahead of what everybody has heard, for minutes."""
    case = run.sale("cash")["id"]
    newest = run.record("case.events", "case.changed", case)
    run.remove("case.events", lambda record: record == newest)
    version = json.loads(newest["value"])["version"]
    found = _found(run)
    assert found == [("change-untold", _case_line(run, case), f"version {version}")]


def test_a_strangers_message_that_was_set_aside_is_clean(run: Recording) -> None:
    """Garbage on a topic is no fault of ours once it lies in the poison topic; before, it is found."""
    case = run.sale("cash")["id"]
    garbage = run.put("tax.commands", run.record("tax.commands", "tax.pay", case), {"x": 1}, ce_source="urn:stranger")
    where = place("tax.commands", garbage)
    assert {what for what, at, _ in _found(run) if at == where} == {"undecodable", "denied-field"}
    spot = f"tax.commands/{garbage['partition']}/{garbage['offset']}"
    run.put("tax.commands.poison", {**garbage, "partition": 0}, tongche_poison_place=spot)
    assert _found(run) == []
    assert _verdict(run).notes["set_aside"] == 1


def test_what_we_wrote_ourselves_must_be_readable(run: Recording) -> None:
    """A message under one of our own sources that is none of our contracts is a fault, set aside or not."""
    paid = run.record("tax.events", "tax.paid", run.sale("cash")["id"])
    broken = run.put("tax.events", paid, {"x": 1}, ce_id="broken")
    spot = f"tax.events/{broken['partition']}/{broken['offset']}"
    run.put("tax.events.poison", {**broken, "partition": 0}, tongche_poison_place=spot)
    assert [(what, where) for what, where, _ in _found(run)] == [("undecodable", place("tax.events", broken))]


def test_a_policy_is_priced_by_the_day_on_which_it_was_taken_out(run: Recording) -> None:
    """An old invoice makes the tax unfounded, and not the premium: each rule has a date of its own (rulebook §6)."""
    sale = run.sale("cash")

    def age(data: Line) -> None:
        data["invoice_date"] = "2019-06-30"

    run.change("tax.events", about("invoice.issued", sale["id"]), age)
    assert {operation for what, _, operation in _found(run) if what == "no-pack"} == {"tax.pay"}
