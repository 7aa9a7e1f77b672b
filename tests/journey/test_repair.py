"""Cancelling, correcting, second sales, and answers nobody waits for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from contracts.delivery import DeliveryChangedV1
from contracts.refusal import AgencyRefusedV1
from contracts.sale import SaleCancelledV1, SaleCorrectedV1
from services.journey.repair import NotPossible
from services.journey.snapshot import snapshot
from services.journey.world import Assign, Cancel, Resume
from tests.journey.road import BUYER, EXPORT, LOAN, VIN, Road, sale

OFF = Cancel("buyer left", "li")
GO_ON = Resume("mended", "li")
REVERSE = ["plate.release", "insurance.cancel", "tax.reclaim", "loan.withdraw", "invoice.reverse"]


def undone(road: Road) -> list[str]:
    return [name for name in road.names if name in REVERSE]


def corrected(**fields: Any) -> SaleCorrectedV1:
    return SaleCorrectedV1(vin=VIN, reason="typing error", **fields)


def test_cancelling_before_the_pivot_takes_everything_back_in_reverse() -> None:
    """Plate, insurance, tax, loan, invoice: one after the other, then CANCELLED."""
    road = Road(sale("BEV", loan=LOAN))
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    road.hear(OFF)
    assert road.case.headline == "CANCELLING"
    for command in REVERSE:
        assert [*road.out] == [road.find(command).id]
        road.answer(command)
    assert (road.case.headline, undone(road), road.case.timers) == ("CANCELLED", REVERSE, ())
    states = [road.state(facet) for facet in ("order", "invoice", "tax", "ins", "loan", "plate")]
    assert states == ["CANCELLED", "REVERSED", "REFUNDED", "CANCELLED", "WITHDRAWN", "RELEASED"]


def test_the_maker_may_cancel_too() -> None:
    """sale.cancelled before anything was done: CANCELLED at once."""
    road = Road()
    road.told(SaleCancelledV1(vin=VIN, reason="no delivery"))
    assert (road.case.headline, undone(road)) == ("CANCELLED", [])


def test_what_is_under_way_when_cancelled_is_taken_back_when_it_arrives() -> None:
    """The plate is being reserved: its answer is awaited, then released first."""
    road = Road()
    road.run("plate.reserve")
    road.hear(OFF)
    assert (road.case.headline, undone(road)) == ("CANCELLING", [])
    road.run()
    assert undone(road) == ["plate.release", "insurance.cancel", "tax.reclaim", "invoice.reverse"]
    assert road.case.headline == "CANCELLED"


def test_a_refusal_under_way_leaves_nothing_to_take_back() -> None:
    """Cancelled while the plate is asked, and the plate is refused."""
    road = Road()
    road.run("plate.reserve")
    road.hear(OFF)
    road.refuse("plate.reserve", "P409")
    road.run()
    assert (road.case.headline, undone(road)) == (
        "CANCELLED",
        ["insurance.cancel", "tax.reclaim", "invoice.reverse"],
    )


def test_cancelling_after_the_pivot_is_refused() -> None:
    """Only forward repair: the operator hears why, the seller's wish is recorded."""
    road = Road()
    road.run("elicence.issue")
    with pytest.raises(NotPossible) as why:
        road.hear(OFF)
    assert why.value.code == "after-pivot"
    road.told(SaleCancelledV1(vin=VIN, reason="too late"))
    assert road.steps[-1].rule == "CANCEL"
    road.run()
    assert road.case.headline == "CLOSED"


def test_a_registration_under_way_decides_whether_a_cancellation_came_in_time() -> None:
    """Nothing is taken back before its answer: registered means too late, refused means go on."""
    late, early = Road(), Road()
    for road in (late, early):
        road.run("registration.register")
        road.hear(OFF)
        assert (road.case.headline, undone(road)) == ("CANCELLING", [])
    late.run()
    early.refuse("registration.register", "P412")
    early.run()
    assert (late.case.headline, undone(late)) == ("CLOSED", [])
    assert early.case.headline == "CANCELLED"


def test_an_export_can_be_cancelled_until_customs_let_it_go() -> None:
    """Nothing to take back before, nothing possible after."""
    early, late = Road(sale("BEV", export=EXPORT)), Road(sale("BEV", export=EXPORT))
    early.run("licence.apply")
    early.hear(OFF)
    assert early.case.headline == "CANCELLED"
    late.run("export.track")
    with pytest.raises(NotPossible, match="forward repair"):
        late.hear(OFF)


@pytest.mark.parametrize("trouble", ["refused", "dead", "silent"])
def test_a_compensation_that_fails_stops_in_the_open(trouble: str) -> None:
    """The chain waits for a person, and goes on where it stopped."""
    road = Road()
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    road.hear(OFF)
    road.answer("plate.release")
    if trouble == "refused":
        road.refuse("insurance.cancel", "D422")
    elif trouble == "dead":
        road.die("insurance.cancel")
    road.sleep(timedelta(days=7))
    assert road.case.owner
    assert undone(road) == ["plate.release", "insurance.cancel"]
    road.hear(GO_ON)
    road.run()
    assert road.case.headline == "CANCELLED"
    assert undone(road)[-2:] == ["tax.reclaim", "invoice.reverse"]


def test_a_persons_word_voids_what_is_dead_when_cancelled() -> None:
    """Nobody knows whether the plate was reserved: a person decides; if it was, it is released after all."""
    road = Road()
    road.run("plate.reserve")
    plate = road.find("plate.reserve")
    road.die("plate.reserve")
    road.hear(OFF)
    assert road.case.owner == "operator"
    road.out.pop(plate.id)
    road.hear(GO_ON)
    road.run()
    assert road.case.headline == "CANCELLED"
    road.told(road.agencies.answer(plate.data), plate.id)
    road.run()
    assert undone(road)[-1] == "plate.release"
    assert road.case.headline == "CANCELLED"


def test_a_delivery_that_a_person_cancelled_is_that_persons_matter() -> None:
    """Nobody will try again, so somebody must decide."""
    road = Road()
    sent = road.find("coc.query")
    fate = DeliveryChangedV1(
        delivery_id=sent.id, vin=VIN, organisation="miit", command="coc.query", revision=3, state="cancelled"
    )
    road.told(fate, sent.id)
    assert (road.case.headline, road.case.owner) == ("MANUAL", "miit-desk")


def test_a_taken_vin_refuses_the_second_sale_without_a_word_about_the_first() -> None:
    """C409, nothing asked, nobody's data but the VIN."""
    road = Road(taken=True)
    told = snapshot(road.case, road.steps).model_dump_json()
    assert (road.case.headline, road.case.code, road.names) == ("REFUSED", "C409", [])
    assert BUYER.buyer_name not in told


@pytest.mark.parametrize("version", [1, 99])
def test_a_stale_correction_is_c410(version: int) -> None:
    """Made against a version before the last word, or one that never was: recorded, nothing changes."""
    road = Road()
    road.refuse("coc.query", "D422")
    road.told(corrected(engine_no="4G15X0000", sale_version=road.case.version))
    road.told(corrected(engine_no="4G15X9999", sale_version=version))
    assert road.steps[-1].rule == "C410"
    assert road.case.sale.engine_no == "4G15X0000"


def test_a_correction_reopens_what_it_mends() -> None:
    """D422 on the certificate: the engine number is corrected, the certificate asked again, the case closes."""
    road = Road(twist={"coc.query": {"engine_no": "4G15X0000"}})
    road.run()
    assert road.held("coc") == "D422"
    road.told(corrected(engine_no="4G15X0000"))
    road.run()
    assert (road.case.headline, road.names.count("coc.query")) == ("CLOSED", 2)


def test_a_correction_replaces_what_is_outstanding_and_takes_its_late_effect_back() -> None:
    """The old policy is late and tells the old telephone number: bound anew, and the late one is cancelled."""
    road = Road()
    road.run("insurance.bind")
    first = road.outwait("insurance.bind")
    road.out.pop(first.id)
    decision = road.told(corrected(phone="15487604562"))
    assert "UNWANTED" in [step.rule for step in decision.steps]
    road.run("insurance.bind")
    road.answer("insurance.bind")
    road.told(road.agencies.answer(first.data), first.id)
    road.run()
    assert (road.case.headline, undone(road)) == ("CLOSED", ["insurance.cancel"])


def test_a_doubted_facet_is_redone_and_the_late_answer_of_what_stood_on_it_is_taken_back() -> None:
    """A new price while the plate is outstanding: resumed, the invoice is redone, and so is the plate."""
    road = Road()
    road.run("plate.reserve")
    first = road.outwait("plate.reserve")
    road.out.pop(first.id)
    road.told(corrected(amount_incl=22_600_000, amount_excl=20_000_000, vat=2_600_000))
    road.hear(GO_ON)
    road.run("registration.register")
    assert road.names.count("plate.reserve") == 2
    road.told(road.agencies.answer(first.data), first.id)
    road.run()
    assert (road.case.headline, undone(road)[-1]) == ("CLOSED", "plate.release")


@pytest.mark.parametrize("command", ["plate.dispatch", "registration.register"])
def test_a_correction_does_not_repeat_what_nobody_can_take_back(command: str) -> None:
    """Dispatch of the plate, and registration, are late: the corrected word does not send them a second time."""
    road = Road()
    road.run(command)
    road.outwait(command)
    facet = next(name for name, state in road.case.facets.items() if state.hold)
    road.told(corrected(buyer_name="李样本", phone="15487604562"))
    assert (road.held(facet), road.names.count(command)) == ("timeout", 1)
    road.answer(command)
    assert road.held(facet) is None


def test_an_insurer_that_cannot_verify_gets_the_corrected_data_and_tax_is_untouched() -> None:
    """Scenario 3: ins HOLD, the maker corrects, quote again; the tax goes its way."""
    road = Road()
    road.run("insurance.bind")
    road.refuse("insurance.bind", "D422")
    road.told(corrected(phone="15487604562"))
    road.run()
    assert road.case.headline == "CLOSED"
    assert (road.names.count("insurance.bind"), road.names.count("tax.declare")) == (2, 1)


def test_a_word_that_is_only_said_again_undoes_nothing() -> None:
    """The maker repeats what the insurer could not find: the quote is asked again, and the tax stays as it is."""
    road = Road(sale())
    road.run("insurance.quote")
    road.refuse("insurance.quote", "D422")
    road.told(corrected(engine_no=sale().engine_no, coc_no=sale().coc_no))
    assert [name for name, facet in road.case.facets.items() if facet.hold] == []
    road.run()
    assert road.case.headline == "CLOSED"
    assert road.names.count("tax.declare") == road.names.count("tax.pay") == 1


def test_a_correction_of_what_was_already_used_waits_for_a_person_then_redoes_it() -> None:
    """A new price after the invoice: held; resumed, everything that stands on the invoice is taken back and redone."""
    road = Road()
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    road.told(corrected(amount_incl=22_600_000, amount_excl=20_000_000, vat=2_600_000))
    assert road.held("invoice") == "corrected"
    road.hear(GO_ON)
    road.run()
    assert road.case.headline == "CLOSED"
    assert undone(road) == ["plate.release", "insurance.cancel", "tax.reclaim", "invoice.reverse"]
    assert road.case.papers.paid is not None
    assert road.case.papers.paid.amount_due == 2_000_000


def test_a_correction_that_makes_no_sense_is_recorded_and_not_taken() -> None:
    """A price that does not add up."""
    road = Road()
    road.told(corrected(amount_incl=1))
    assert (road.steps[-1].rule, road.case.sale.amount_incl) == ("V102", 11_300_000)


def test_a_correction_after_registration_is_an_owners_matter() -> None:
    """Nothing is undone; somebody must look before the case may close."""
    road = Road()
    road.run("elicence.issue")
    road.told(corrected(buyer_name="李样本"))
    road.run()
    assert (road.case.headline, road.held("order"), undone(road)) == ("MANUAL", "corrected", [])
    road.hear(GO_ON)
    assert road.case.headline == "CLOSED"


def test_while_registration_is_under_way_nothing_is_reopened() -> None:
    """A person who resumes is told to wait for its answer."""
    road = Road()
    road.run("registration.register")
    road.told(corrected(engine_no="4G15X0000"))
    with pytest.raises(NotPossible) as why:
        road.hear(GO_ON)
    assert why.value.code == "pivot-under-way"


def test_a_repeated_answer_changes_nothing() -> None:
    """The same plate told twice under two message ids: recorded, not released."""
    road = Road()
    road.run("plate.reserve")
    sent = road.find("plate.reserve")
    answer = road.agencies.answer(sent.data)
    road.told(answer, sent.id)
    road.told(answer, sent.id)
    road.out.pop(sent.id)
    road.run()
    assert (road.case.headline, undone(road)) == ("CLOSED", [])


def test_a_second_effect_under_one_command_is_taken_back() -> None:
    """An agency that reserved two plates for one command: the second is released, the first stays."""
    road = Road()
    road.run("plate.reserve")
    sent = road.find("plate.reserve")
    road.answer("plate.reserve")
    road.told(road.agencies.answer(sent.data), sent.id)
    road.run()
    assert (road.case.headline, undone(road)) == ("CLOSED", ["plate.release"])


def test_a_late_effect_of_a_dead_command_is_taken_back() -> None:
    """Asked again after its delivery ended; both answers come; the second effect is undone."""
    road = Road()
    road.run("plate.reserve")
    first = road.find("plate.reserve")
    road.die("plate.reserve")
    road.out.pop(first.id)
    road.hear(GO_ON)
    road.answer("plate.reserve")
    road.told(road.agencies.answer(first.data), first.id)
    road.run()
    assert (road.case.headline, undone(road)) == ("CLOSED", ["plate.release"])


def test_a_registration_that_comes_by_a_forgotten_command_is_a_fact() -> None:
    """The police registered the car: it is registered, whichever command brought it."""
    road = Road()
    road.run("registration.register")
    first = road.find("registration.register")
    road.die("registration.register")
    road.hear(GO_ON)
    road.told(road.agencies.answer(first.data), first.id)
    assert road.state("reg") == "REGISTERED"
    road.out = {sent.id: sent for sent in road.out.values() if sent.id in road.case.asks}
    road.run()
    assert road.case.headline == "CLOSED"


def test_a_registration_after_the_case_was_called_off_is_a_legal_matter() -> None:
    """It cannot be taken back and must not be overlooked."""
    road = Road()
    road.run("registration.register")
    sent = road.find("registration.register")
    road.die("registration.register")
    road.out.pop(sent.id)
    road.hear(OFF)
    road.hear(GO_ON)
    road.run()
    assert road.case.headline == "CANCELLED"
    road.told(road.agencies.answer(sent.data), sent.id)
    assert (road.held("reg"), road.case.owner) == ("late-pivot", "legal-desk")


@pytest.mark.parametrize("act", [OFF, GO_ON, Assign("li", "x", "y")])
def test_an_act_on_an_ended_case_is_refused_with_a_reason(act: Any) -> None:
    """A closed case is closed."""
    road = Road()
    road.run()
    with pytest.raises(NotPossible):
        road.hear(act)


def test_a_late_refusal_is_recorded_and_changes_nothing() -> None:
    """The command was answered already."""
    road = Road()
    sent = road.find("coc.query")
    road.run()
    refusal = AgencyRefusedV1(vin=VIN, organisation="miit", command="coc.query", code="D422", reason="no")
    road.told(refusal, sent.id)
    assert (road.case.headline, road.steps[-1].rule) == ("CLOSED", "D422")


def test_an_effect_at_an_organisation_that_is_gone_is_a_persons_matter() -> None:
    """Nobody can be asked to take it back; once it is there again, a person resumes."""
    road = Road()
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    everybody = road.world.organisations
    road.world = replace(road.world, organisations={"tax", "police"})
    road.hear(OFF)
    road.run()
    assert (undone(road), road.held("ins")) == (["plate.release"], "unknown-organisation")
    road.world = replace(road.world, organisations=everybody)
    road.hear(GO_ON)
    road.run()
    assert road.case.headline == "CANCELLED"


def test_a_repeated_sale_is_recorded_once_more_and_opens_nothing() -> None:
    """One case, code 1, one invoice."""
    road = Road()
    road.told(road.sale)
    road.run()
    assert road.names.count("invoice.request") == 1
    assert "1" in road.rules
