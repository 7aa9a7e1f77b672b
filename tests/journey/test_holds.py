"""Refusals, mismatches and silence: every one of them waits in the open, and the way out is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from contracts.codes import CODES
from contracts.delivery import Attempt, DeliveryChangedV1
from contracts.insurance import InsuranceCancelV1
from contracts.sale import SaleConfirmedV3, SaleCorrectedV1
from contracts.tax import TaxReclaimV1
from contracts.topics import COMMANDS
from services.journey.proofs import present
from services.journey.rules import LAPSES
from services.journey.world import Assign, Cancel, Due, Resume
from tests.journey.road import EXPORT, LOAN, VIN, Road, name_of, sale

GO_ON = Resume("checked", "li")
LATE = [
    ("coc.query", "coc"),
    ("tax.pay", "tax"),
    ("plate.reserve", "plate"),
    ("registration.register", "reg"),
    ("mortgage.register", "mort"),
    ("elicence.issue", "elic"),
    ("plate.dispatch", "delivery"),
]
REFUSABLE = [
    ("coc.query", "coc", "D422", "maker"),
    ("invoice.request", "invoice", "V102", "dealer"),
    ("tax.declare", "tax", "D422", "tax-desk"),
    ("tax.pay", "tax", "T422", "tax-desk"),
    ("insurance.quote", "ins", "D422", "maker"),
    ("insurance.bind", "ins", "D422", "maker"),
    ("loan.apply", "loan", "B451", "dealer"),
    ("mortgage.cosign", "mort", "B451", "bank-desk"),
    ("plate.reserve", "plate", "P409", "police-desk"),
    ("registration.register", "reg", "P412", "police-desk"),
    ("registration.register", "reg", "P423", "legal-desk"),
    ("mortgage.register", "mort", "B451", "bank-desk"),
    ("elicence.issue", "elic", "P412", "police-desk"),
    ("plate.dispatch", "delivery", "P412", "courier-desk"),
    ("plate.track", "delivery", "P412", "courier-desk"),
]


def trusted_until(road: Road, command: str) -> datetime:
    """As long as dispatch tries; a registration for the five working days that the law gives the police."""
    if command != "registration.register":
        return road.world.now + COMMANDS[command].deadline
    return road.world.calendar.deadline(road.world.now, 5).at


@pytest.mark.parametrize(("command", "facet", "code", "owner"), REFUSABLE)
def test_a_refusal_holds_its_facet_then_names_an_owner_then_goes_on(
    command: str, facet: str, code: str, owner: str
) -> None:
    """HOLD with a timer or an owner at once, MANUAL later, and a new command when a person resumes."""
    road = Road(sale("PHEV", loan=LOAN))
    road.run(command)
    road.refuse(command, code)
    assert road.held(facet) == code
    road.run()
    road.sleep(timedelta(days=1) if (facet, code) in LAPSES else timedelta(days=10))
    assert (road.case.headline, road.case.owner) == (("HOLD", None) if (facet, code) in LAPSES else ("MANUAL", owner))
    before = road.names.count(command)
    road.hear(GO_ON)
    road.run(command)  # cover that was to begin on a past day is quoted anew first
    assert road.names.count(command) == before + 1
    road.run()
    assert road.case.headline == "CLOSED"


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_an_owner_whatever_it_refuses(code: str) -> None:
    """No code that any agency may answer leaves a case silent."""
    road = Road()
    road.refuse("coc.query", code)
    assert road.held("coc") == code


@pytest.mark.parametrize(
    ("twist", "facet", "reason"),
    [
        ({"coc.query": {"engine_no": "4G15XXXX"}}, "coc", "D422"),
        ({"coc.query": {"motor_no": "TZ999999"}}, "coc", "D422"),
        ({"coc.query": {"model": "another"}}, "coc", "D422"),
        ({"coc.query": {"fuel_kind": "EREV"}}, "coc", "D422"),
        ({"coc.query": {"vin": "LZZTEST0XTA000009"}}, "coc", "wrong-car"),
        ({"invoice.request": {"amount_incl": 1}}, "invoice", "amount"),
        ({"invoice.request": {"vin": "LZZTEST0XTA000009"}}, "invoice", "wrong-car"),
        ({"loan.apply": {"loan_amount": 1}}, "loan", "amount"),
        ({"tax.declare": {"tax_payable": 1}}, "tax", "T422"),
        ({"tax.declare": {"relief": 999}}, "tax", "T422"),
        ({"tax.declare": {"surcharge": 2}}, "tax", "T422"),
        ({"insurance.quote": {"premium": 94_999}}, "ins", "premium"),
        ({"insurance.bind": {"premium": 94_999}}, "ins", "policy-differs"),
        ({"plate.reserve": {"plate_no": "陕AD12345"}}, "plate", "plate-kind"),
        ({"plate.reserve": {"plate_no": "无效号牌XXX"}}, "plate", "plate-kind"),
        ({"registration.register": {"plate_no": "陕AF54321"}}, "reg", "plate-differs"),
    ],
)
def test_what_does_not_match_is_held(twist: dict[str, dict[str, Any]], facet: str, reason: str) -> None:
    """An answer that contradicts what we know holds its facet, and nothing that needs it is asked."""
    road = Road(sale("PHEV", 16_950_000, loan=LOAN), twist=twist)
    road.run()
    assert road.held(facet) == reason
    assert "elicence.issue" not in road.names
    if facet != "reg":
        assert "registration.register" not in road.names


@pytest.mark.parametrize(("off", "paid"), [(-100, False), (-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_no_tax_is_paid_on_a_mismatch(off: int, paid: bool) -> None:  # noqa: FBT001
    """T422 beyond one fen, and no payment; one fen passes."""
    road = Road(twist={"tax.declare": {"tax_full": 1_000_000 + off, "tax_payable": 1_000_000 + off}})
    road.run()
    assert ("tax.pay" in road.names) is paid
    assert (road.held("tax") == "T422") is not paid


def test_a_certificate_outside_the_catalogue_gets_no_relief_whatever_the_sale_claims() -> None:
    """The catalogue flag is MIIT's: the sale says yes, the certificate no, so half the tax would be wrong."""
    twist: dict[str, dict[str, Any]] = {"coc.query": {"nev_catalogue": False}, "insurance.quote": {"vvt": 28_000}}
    road = Road(sale("PHEV", 15_980_000), twist=twist)
    road.run()
    assert road.case.headline == "CLOSED"
    assert [step.facet for step in road.steps if step.rule == "REMARK"] == ["coc"]
    assert road.case.papers.assessed is not None
    assert (road.case.papers.assessed.relief, road.case.papers.assessed.tax_payable) == (0, 1_414_159)
    assert road.case.papers.registered is not None
    assert road.case.papers.registered.plate_no.startswith("陕AF")


@pytest.mark.parametrize(
    ("of", "vvt"),
    [(sale("BEV"), 1), (sale("PHEV"), 28_000), (sale(), 0), (sale(), 9_998), (sale(), 36_002)],
    ids=["electric", "catalogue", "none", "too-little", "too-much"],
)
def test_vessel_tax_lies_within_the_legal_bands(of: SaleConfirmedV3, vvt: int) -> None:
    """1.5 litres owe 300 to 540 yuan a year (150 if saving), eight twelfths from May; electric cars nothing."""
    road = Road(of, twist={"insurance.quote": {"vvt": vvt}})
    road.run()
    assert road.held("ins") == "vessel-tax"
    assert "insurance.bind" not in road.names


def test_a_date_without_a_pack_is_a_policy_gap() -> None:
    """Purchase on 2028-01-05: HOLD(policy-gap), no guess, no declaration that claims or forgoes relief, no payment."""
    road = Road(sale(sold_on=date(2028, 1, 5)), on=date(2028, 1, 6))
    road.run()
    assert road.held("tax") == "policy-gap"
    assert not {"tax.declare", "tax.pay"}.intersection(road.names)


def test_an_unlisted_line_of_the_electric_heading_is_a_policy_gap() -> None:
    """Nobody says whether it needs a licence, so nothing goes to customs."""
    road = Road(sale("BEV", export=EXPORT.model_copy(update={"hs_code": "8703801099"})))
    road.run()
    assert road.held("licence") == "policy-gap"
    assert "export.declare" not in road.names


def test_an_export_without_entitlement_waits_for_its_exporter() -> None:
    """X403 from commerce: nothing is declared."""
    road = Road(sale("BEV", export=EXPORT))
    road.run("licence.apply")
    road.refuse("licence.apply", "X403")
    road.sleep(timedelta(days=4))
    assert road.case.owner == "exporter"
    assert "export.declare" not in road.names


@pytest.mark.parametrize(
    ("twist", "reason"), [({"licence_used": 21}, "X409"), ({"licence_expiry": date(2026, 5, 1)}, "licence-differs")]
)
def test_a_licence_that_does_not_carry_the_car_is_held(twist: dict[str, Any], reason: str) -> None:
    """Used beyond its quantity, or expired: not declared, and applied for anew when a person resumes."""
    road = Road(sale("BEV", export=EXPORT), twist={"licence.apply": twist})
    road.run()
    assert road.held("licence") == reason
    road.agencies.twist.clear()
    road.hear(GO_ON)
    road.run()
    assert road.case.headline == "CLOSED"


def test_an_unknown_insurer_is_a_persons_matter_at_once() -> None:
    """No command goes to an organisation that does not exist here."""
    road = Road(organisations=("miit", "tax", "police"))
    road.run()
    assert (road.held("ins"), road.case.headline, road.case.owner) == (
        "unknown-organisation",
        "MANUAL",
        "platform-desk",
    )


def test_a_declined_loan_lets_the_plate_go_and_offers_cash_for_a_while() -> None:
    """B451: the plate is released, and for two days the buyer may pay in cash, or the loan be applied for anew."""
    road = Road(sale("BEV", loan=LOAN))
    road.run("loan.apply")
    assert road.state("plate") == "RESERVED"
    road.answer("loan.apply", decision="REJECTED", loan_contract_no=None, loan_amount=0, code="B451")
    road.run()
    assert (road.state("loan"), road.state("plate"), road.case.headline) == ("REJECTED", "NONE", "HOLD")
    assert road.names.count("plate.release") == 1
    road.sleep(timedelta(hours=47))
    road.hear(GO_ON)
    road.run()
    assert (road.case.headline, road.names.count("plate.reserve")) == ("CLOSED", 2)


CASH = SaleCorrectedV1(vin=VIN, pay_cash=True, reason="pays in cash")


def declined() -> Road:
    """A financed electric car whose loan was declined after all else but registration was done."""
    road = Road(sale("BEV", loan=LOAN))
    road.run("loan.apply")
    road.answer("loan.apply", decision="REJECTED", loan_contract_no=None, loan_amount=0, code="B451")
    road.run()
    return road


def test_a_buyer_who_pays_in_cash_after_all_needs_neither_loan_nor_mortgage() -> None:
    """The offer is taken up: a plate is reserved anew, and the car is registered without a bank."""
    road = declined()
    road.told(CASH)
    road.run()
    assert (road.case.headline, road.state("loan"), road.state("mort")) == ("CLOSED", "NOT_NEEDED", "NOT_NEEDED")
    assert {"mortgage.cosign", "mortgage.register", "loan.withdraw"}.isdisjoint(road.names)
    assert road.names.count("plate.reserve") == 2


def test_an_offer_that_nobody_takes_up_undoes_the_sale_by_its_real_remedies() -> None:
    """After 48 hours: cover by the insurer's rule, tax by TCL 51, the invoice in red; nothing is left."""
    road = declined()
    road.sleep(timedelta(hours=47))
    assert road.held("loan") == "B451"
    road.sleep(timedelta(hours=2))
    assert road.case.cancelling
    road.run()
    undone = ["plate.release", "insurance.cancel", "tax.reclaim", "invoice.reverse"]
    assert [name for name in road.names if name in undone] == undone
    assert (road.case.headline, {effect.standing for effect in road.case.effects}) == ("CANCELLED", {"undone"})
    cancelled, reclaimed = (next(sent.data for sent in road.asked if name_of(sent) == name) for name in undone[1:3])
    assert isinstance(cancelled, InsuranceCancelV1)
    assert isinstance(reclaimed, TaxReclaimV1)
    assert cancelled.cancel_ground == "NOT_REGISTERED"
    assert (reclaimed.reclaim_basis, reclaimed.refund_asked) == ("TCL-51", present(road.case.papers.paid).amount_due)


def test_an_approval_is_given_back_by_a_buyer_who_pays_in_cash() -> None:
    """Also one that comes only after the change of mind."""
    for late in (False, True):
        road = Road(sale("BEV", loan=LOAN))
        road.run(*(["loan.apply"] if late else []), "registration.register", "plate.reserve")
        road.told(CASH)
        road.run()
        assert (road.case.headline, road.names.count("loan.withdraw")) == ("CLOSED", 1)


def test_the_loan_of_a_registered_car_stays() -> None:
    """Too late to pay in cash: the mortgage goes its way."""
    road = Road(sale("BEV", loan=LOAN))
    road.run("mortgage.cosign")
    road.told(CASH)
    assert (road.steps[-1].rule, road.state("loan")) == ("CASH", "APPROVED")
    road.run()
    assert (road.case.headline, road.state("mort")) == ("CLOSED", "REGISTERED")


def test_a_refund_of_another_amount_is_a_persons_matter() -> None:
    """Less came back than was paid: the sale is not called undone until somebody has looked."""
    road = Road(twist={"tax.reclaim": {"refund": 1}})
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    road.hear(Cancel("buyer left", "li"))
    road.run()
    assert (road.held("tax"), road.case.headline) == ("refund", "CANCELLING")
    road.hear(GO_ON)
    road.run()
    assert road.case.headline == "CANCELLED"


def test_a_desk_is_given_working_days() -> None:
    """Asked on the eve of a long holiday, three working days end after it; the make-up Saturday counts."""
    road = Road(on=date(2026, 9, 30))
    road.refuse("coc.query", "D422")
    hold = road.case.facets["coc"].hold
    assert hold is not None
    assert hold.until == datetime(2026, 10, 10, 16, tzinfo=UTC)


def test_a_term_that_ends_in_a_year_without_notice_says_that_it_is_provisional() -> None:
    """The holidays of 2027 are not announced in this rulebook."""
    road = Road(on=date(2026, 12, 31))
    road.refuse("coc.query", "D422")
    assert "暂定" in road.steps[-1].zh
    assert "not announced" in road.steps[-1].en


def test_an_expired_reservation_is_reserved_anew() -> None:
    """P410 at registration blames the plate; there is nothing to release."""
    road = Road()
    road.run("registration.register")
    road.refuse("registration.register", "P410")
    assert (road.held("plate"), road.held("reg")) == ("P410", None)
    road.hear(GO_ON)
    road.run()
    assert road.case.headline == "CLOSED"
    assert (road.names.count("plate.reserve"), road.names.count("plate.release")) == (2, 0)


WRONG_INVOICES: list[dict[str, Any]] = [{"amount_incl": 1}, {"invoiced_vin": "LZZTEST0XTA000009"}]


@pytest.mark.parametrize("wrong", WRONG_INVOICES, ids=["price", "vin"])
def test_a_wrong_invoice_is_reversed_before_a_new_one(wrong: dict[str, Any]) -> None:
    """One vehicle, one invoice: the wrong one is reversed in red, and the new one has a number of its own."""
    road = Road()
    road.run("invoice.request")
    road.answer("invoice.request", **wrong)
    first = road.case.effects[0].reference
    road.run()
    assert [name for name in road.names if name.startswith("invoice")] == [
        "invoice.request",
        "invoice.reverse",
        "invoice.request",
    ]
    assert (road.case.headline, first == present(road.case.papers.invoice).invoice_no) == ("CLOSED", False)
    assert {"D422", "amount"} & {*road.rules}


@pytest.mark.parametrize("wrong", WRONG_INVOICES, ids=["price", "vin"])
def test_an_invoice_that_is_wrong_again_is_a_persons_matter(wrong: dict[str, Any]) -> None:
    """What went wrong twice would go wrong for ever; nothing is declared on it."""
    road = Road(twist={"invoice.request": wrong})
    road.run()
    assert road.names.count("invoice.request") == 2
    assert road.held("invoice") in {"D422", "amount"}
    assert "tax.declare" not in road.names
    road.agencies.twist.clear()
    road.hear(GO_ON)
    road.run()
    assert (road.case.headline, road.names.count("invoice.reverse")) == ("CLOSED", 2)


def test_silence_is_noticed_and_a_late_answer_still_counts() -> None:
    """Past dispatch's deadline: HOLD, then MANUAL; the answer that comes after all ends it."""
    road = Road()
    road.sleep(timedelta(minutes=31))
    assert (road.held("coc"), road.case.headline) == ("timeout", "HOLD")
    road.sleep(timedelta(hours=4))
    assert (road.case.headline, road.case.owner) == ("MANUAL", "miit-desk")
    road.answer("coc.query")
    road.run()
    assert road.case.headline == "CLOSED"


@pytest.mark.parametrize("wait", [timedelta(), timedelta(hours=5)], ids=["HOLD", "MANUAL"])
@pytest.mark.parametrize(("command", "facet"), LATE)
def test_what_is_late_is_not_asked_twice(command: str, facet: str, wait: timedelta) -> None:
    """Silence past the watchdog, then resumed: the same command, watched anew; its answer ends the wait."""
    road = Road(sale("BEV", loan=LOAN))
    road.run(command)
    sent, asked = road.outwait(command, wait), len(road.asked)
    assert road.held(facet) == "timeout"
    road.hear(Assign("li", "calls them", "li"))
    resumed = road.hear(GO_ON)
    assert (resumed.commands, len(road.asked), road.held(facet), road.case.owner) == ((), asked, None, None)
    assert [(step.rule, step.facet) for step in resumed.steps] == [("RESUME", facet)]
    assert road.case.asks[sent.id].until == trusted_until(road, command)
    road.outwait(command)
    assert road.held(facet) == "timeout"
    road.run()
    assert (road.case.headline, road.names.count(command)) == ("CLOSED", 1)


@pytest.mark.parametrize("wait", [timedelta(), timedelta(hours=5)], ids=["HOLD", "MANUAL"])
@pytest.mark.parametrize(("command", "facet"), LATE)
def test_a_late_answer_ends_the_hold(command: str, facet: str, wait: timedelta) -> None:
    """Nobody has to resume what has mended itself, whoever has it by then."""
    road = Road(sale("BEV", loan=LOAN))
    road.run(command)
    road.outwait(command, wait)
    assert road.case.headline == ("MANUAL" if wait else "HOLD")
    road.answer(command)
    assert road.held(facet) is None
    road.run()
    assert (road.case.headline, road.names.count(command)) == ("CLOSED", 1)


def test_a_late_compensation_is_not_asked_twice() -> None:
    """The plate's release is on its way: resumed, it is awaited under its old id, and the rest follows it."""
    road = Road()
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    road.hear(Cancel("buyer left", "li"))
    road.outwait("plate.release")
    assert road.held("plate") == "timeout"
    assert road.hear(GO_ON).commands == ()
    road.run()
    assert (road.case.headline, road.names.count("plate.release")) == ("CANCELLED", 1)


@pytest.mark.parametrize("state", ["dead", "cancelled"])
@pytest.mark.parametrize("late", [False, True])
def test_a_delivery_that_has_ended_is_asked_anew(state: Any, late: bool) -> None:  # noqa: FBT001
    """Nobody is on the way with it any more, whether the clock had noticed before or not."""
    road = Road()
    road.run("plate.reserve")
    first = road.find("plate.reserve")
    if late:
        road.outwait("plate.reserve")
    road.deliver(first, state)
    del road.out[first.id]
    road.hear(GO_ON)
    assert road.find("plate.reserve").id != first.id
    road.run()
    assert road.case.headline == "CLOSED"


@pytest.mark.parametrize("undoing", [False, True])
def test_a_dead_delivery_that_is_tried_again_is_awaited_again(undoing: bool) -> None:  # noqa: FBT001
    """A person lets dispatch try it once more: the hold ends, the clock watches, and resuming adds no second one."""
    road, command = Road(), "plate.reserve"
    road.run(command)
    if undoing:
        road.answer(command)
        road.run("registration.register")
        road.refuse("registration.register", "P412")
        road.hear(Cancel("buyer left", "li"))
        command = "plate.release"
    sent = road.find(command)
    road.die(command)
    road.deliver(sent, "parked")
    assert (road.held("plate"), road.steps[-1].rule) == (None, "RETRY")
    road.outwait(command)
    assert road.held("plate") == "timeout"
    assert road.hear(GO_ON).commands == ()
    road.run()
    assert (road.case.headline, road.names.count(command)) == ("CANCELLED" if undoing else "CLOSED", 1)


def test_a_dead_delivery_is_a_persons_matter() -> None:
    """Dispatch gave up: MANUAL with the owner it named; the same command answered later still counts."""
    road = Road()
    road.die("coc.query")
    assert (road.held("coc"), road.case.headline, road.case.owner) == ("dead", "MANUAL", "operator")
    road.run()
    assert road.case.headline == "CLOSED"


def test_a_certificate_that_never_came_is_its_makers() -> None:
    """D404 to the end: who can mend it is the maker, and not whoever runs the deliveries."""
    road = Road()
    sent = road.find("coc.query")
    tried = Attempt(number=9, started_at=road.world.now, duration_ms=3, result="not-yet", status=404, code="D404")
    road.told(
        DeliveryChangedV1(
            delivery_id=sent.id,
            vin=VIN,
            organisation="miit",
            command="coc.query",
            revision=9,
            state="dead",
            attempts=(tried,),
            failure="deadline",
            owner="operator",
        ),
        sent.id,
    )
    assert (road.held("coc"), road.case.headline, road.case.owner) == ("dead", "MANUAL", "maker")


@pytest.mark.parametrize("state", ["parked", "settled", "refused"])
def test_other_news_of_a_delivery_change_nothing(state: Any) -> None:
    """They are for the console."""
    road = Road()
    sent = road.find("coc.query")
    fate = DeliveryChangedV1(
        delivery_id=sent.id, vin=road.case.vin, organisation="miit", command="coc.query", revision=1, state=state
    )
    assert road.told(fate, sent.id).changed is False


def test_a_held_facet_stops_only_what_needs_it() -> None:
    """Insurance waits; tax and plate go on; registration does not begin."""
    road = Road()
    road.run("insurance.quote")
    road.refuse("insurance.quote", "D422")
    road.run()
    assert (road.state("tax"), road.state("plate"), road.state("reg")) == ("PAID", "RESERVED", "NONE")


def test_assigning_makes_it_that_persons() -> None:
    """Owner and reason are told; the timer of the hold ends, since somebody has it."""
    road = Road()
    road.refuse("coc.query", "D422")
    road.hear(Assign("王工", "knows the maker", "li"))
    assert (road.case.headline, road.case.owner, road.case.timers) == ("MANUAL", "王工", ())
    assert road.steps[-1].rule == "ASSIGN"


def test_timers_that_ring_too_early_or_too_late_change_nothing() -> None:
    """A timer of something settled, and one that was moved."""
    road = Road()
    watched = road.case.timers[0].name
    assert road.hear(Due(watched)).changed is False
    road.refuse("coc.query", "D422")
    assert road.hear(Due(watched)).changed is False
    assert road.hear(Due("hold:coc")).changed is False
