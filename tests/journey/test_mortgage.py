"""The mortgage: applied for jointly, refused without harm, and released once the loan is paid back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from contracts.loan import LoanSettledV1
from contracts.police import MortgageRegisterV1, MortgageReleasedV1, MortgageReleaseV1
from services.journey.proofs import present
from services.journey.repair import NotPossible
from services.journey.world import Cancel, Resume, Secure, Told
from tests.journey.road import BANK, LOAN, VIN, Road, name_of, sale

OTHER_SECURITY = Secure("a guarantor signed", "li")


def financed() -> Road:
    return Road(sale("BEV", loan=LOAN))


def settled(road: Road, **twist: Any) -> LoanSettledV1:
    """The bank's notice about the loan of that car."""
    contract_no = present(road.case.papers.loan).loan_contract_no or ""
    return LoanSettledV1(vin=VIN, loan_contract_no=contract_no, settled_on=date(2026, 5, 20)).model_copy(update=twist)


def released(road: Road, **twist: Any) -> MortgageReleasedV1:
    """The police's notice about the mortgage that the fake police will register, or have registered."""
    if road.case.papers.mortgage:
        return MortgageReleasedV1(vin=VIN, mortgage_no=road.case.papers.mortgage.mortgage_no).model_copy(update=twist)
    return MortgageReleasedV1(vin=VIN, mortgage_no="M-77").model_copy(update=twist)


def test_owner_and_lender_apply_together() -> None:
    """The bank signs, and the police get the number of the joint application."""
    road = financed()
    road.run()
    assert road.names.index("registration.register") < road.names.index("mortgage.cosign")
    asked = next(sent.data for sent in road.asked if name_of(sent) == "mortgage.register")
    assert isinstance(asked, MortgageRegisterV1)
    assert asked.cosign_no == present(road.case.papers.cosigned).cosign_no
    assert (road.case.headline, road.state("mort")) == ("CLOSED", "REGISTERED")


def test_a_bank_that_will_not_sign_undoes_no_registration() -> None:
    """B451 after T8: held, then the bank desk's; nothing is taken back, and the rest goes on."""
    road = financed()
    road.run("mortgage.cosign")
    road.refuse("mortgage.cosign", "B451")
    road.run()
    assert (road.held("mort"), road.state("reg"), road.state("delivery")) == ("B451", "REGISTERED", "DONE")
    road.sleep(timedelta(days=10))
    assert (road.case.headline, road.case.owner) == ("MANUAL", "bank-desk")
    assert not [sent for sent in road.names if sent.endswith((".cancel", ".reverse", ".reclaim", ".withdraw"))]


def test_other_security_closes_the_case() -> None:
    """A person records it, with a reason that is told."""
    road = financed()
    road.run("mortgage.cosign")
    road.refuse("mortgage.cosign", "B451")
    road.run()
    road.hear(OTHER_SECURITY)
    assert (road.case.headline, road.state("mort"), road.held("mort")) == ("CLOSED", "SECURED", None)
    assert any("a guarantor signed" in step.en for step in road.steps)
    assert "mortgage.register" not in road.names


@pytest.mark.parametrize("before", ["registration", "registering", "registered"])
def test_other_security_is_for_a_mortgage_that_was_refused(before: str) -> None:
    """Not before registration, not while the answer is awaited, not once it stands."""
    road = financed()
    road.run({"registration": "registration.register", "registering": "mortgage.cosign", "registered": ""}[before])
    if before == "registering":
        road.outwait("mortgage.cosign")
    with pytest.raises(NotPossible):
        road.hear(OTHER_SECURITY)


def test_a_settled_loan_releases_its_mortgage_long_after_the_case_was_closed() -> None:
    """The bank's notice is the settlement that a release needs."""
    road = financed()
    road.run()
    road.sleep(timedelta(days=400))
    road.told(settled(road))
    asked = road.find("mortgage.release").data
    assert isinstance(asked, MortgageReleaseV1)
    assert (asked.mortgage_no, asked.settled_on) == (present(road.case.papers.mortgage).mortgage_no, date(2026, 5, 20))
    road.run()
    assert (road.case.headline, road.state("loan"), road.state("mort")) == ("CLOSED", "SETTLED", "RELEASED")


def test_the_police_may_tell_a_release_of_their_own_accord() -> None:
    """Without any command of ours, and before the bank's notice."""
    road = financed()
    road.run()
    road.told(released(road))
    assert road.state("mort") == "RELEASED"
    road.told(settled(road))
    assert (road.state("loan"), "mortgage.release" in road.names) == ("SETTLED", False)


@pytest.mark.parametrize("first", ["mortgage.cosign", "mortgage.register"])
def test_a_release_that_overtakes_the_registration_waits_for_it(first: str) -> None:
    """Buffered by version, and applied in order, once (scenario 28)."""
    road = financed()
    road.run(first)
    notice = released(road)
    for _ in range(2):
        road.told(notice)
    assert (road.state("mort"), len(road.case.early)) == ("COSIGNED" if first == "mortgage.register" else "NONE", 1)
    road.run("mortgage.register")
    road.answer("mortgage.register", mortgage_no="M-77")
    order = [step.after for step in road.steps if step.facet == "mort" and step.rule == "T9"]
    assert order == ["COSIGNED", "REGISTERED", "RELEASED"]
    assert road.case.early == ()
    road.run()
    assert road.case.headline == "CLOSED"


def test_a_settlement_that_overtakes_the_approval_waits_for_it() -> None:
    """Its mortgage is then not needed at all."""
    road = financed()
    road.run("loan.apply")
    road.told(LoanSettledV1(vin=VIN, loan_contract_no="L-77", settled_on=date(2026, 5, 20)))
    assert road.state("loan") == "NONE"
    road.answer("loan.apply", loan_contract_no="L-77")
    assert road.state("loan") == "SETTLED"
    road.run()
    assert (road.case.headline, road.state("mort")) == ("CLOSED", "NOT_NEEDED")
    assert "mortgage.register" not in road.names


@pytest.mark.parametrize("first", ["mortgage.cosign", "mortgage.register"])
def test_a_loan_settled_while_its_mortgage_is_applied_for(first: str) -> None:
    """What is under way comes in: a mortgage that was entered is released again, none is entered for nothing."""
    road = financed()
    road.run(first)
    road.told(settled(road))
    road.run()
    expected = "RELEASED" if first == "mortgage.register" else "NOT_NEEDED"
    assert (road.case.headline, road.state("mort")) == ("CLOSED", expected)


@pytest.mark.parametrize(
    ("notice", "facet"), [(settled, "loan"), (released, "mort")], ids=["another loan", "another mortgage"]
)
def test_a_notice_about_another_record_is_recorded_and_believed_in_nothing(notice: Any, facet: str) -> None:
    """The number is not ours: D422 in the story, and neither state nor paper nor way changes."""
    road = financed()
    road.run()
    before = road.case.facets
    number = "loan_contract_no" if facet == "loan" else "mortgage_no"
    road.told(notice(road, **{number: "X-1"}))
    assert (road.case.facets, road.steps[-1].rule, road.steps[-1].facet) == (before, "D422", facet)
    assert (road.case.papers.settled, road.case.papers.released_mortgage) == (None, None)
    road.told(notice(road))
    road.run()
    assert road.state("mort") == "RELEASED"


@pytest.mark.parametrize("by", ["bank-91110000MAGJECJT07", "police", "tax"])
def test_only_the_lender_has_a_say_about_its_loan(by: str) -> None:
    """Another organisation's word is recorded, and stops nobody's registration."""
    road = financed()
    road.run("registration.register")
    decision = road.hear(Told(settled(road), "notice-1", by=by))
    assert [step.rule for step in decision.steps] == ["A403"]
    assert (road.state("loan"), road.held("loan")) == ("APPROVED", None)


def test_the_lenders_own_word_counts() -> None:
    """And that of the police about their record."""
    road = financed()
    road.run()
    road.hear(Told(settled(road), "notice-1", by=f"bank-{BANK}"))
    assert road.state("loan") == "SETTLED"


def test_a_record_changes_version_by_version() -> None:
    """The first version told again changes nothing; the third waits, first by itself and then with an owner."""
    road = financed()
    road.run()
    road.told(released(road, record_version=1))
    assert (road.state("mort"), road.case.early) == ("REGISTERED", ())
    road.told(released(road, record_version=3))
    assert (road.state("mort"), road.held("mort"), len(road.case.early)) == ("REGISTERED", "gap", 1)
    road.sleep(timedelta(days=10))
    assert road.case.owner == "police-desk"
    road.hear(Resume("the police say that none is missing", "li"))
    assert (road.state("mort"), road.held("mort"), road.case.early) == ("RELEASED", None, ())


def test_a_settled_loan_has_nothing_to_give_back_when_the_sale_is_undone() -> None:
    """Paid back before registration, then called off: no withdrawal is asked that the bank would have to refuse."""
    road = financed()
    road.run("registration.register")
    road.told(settled(road))
    road.refuse("registration.register", "P412")
    road.hear(Cancel("buyer left", "li"))
    road.run()
    assert (road.case.headline, "loan.withdraw" in road.names) == ("CANCELLED", False)


def test_a_settlement_told_while_the_sale_is_undone_ends_the_withdrawal() -> None:
    """The bank refuses to take back what was paid back; its notice says why, and the sale is undone to the end."""
    road = financed()
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    road.hear(Cancel("buyer left", "li"))
    road.run("loan.withdraw")
    road.refuse("loan.withdraw", "D422")
    assert road.held("loan") == "D422"
    road.told(settled(road))
    road.run()
    assert road.case.headline == "CANCELLED"


def test_a_notice_heard_twice_counts_once() -> None:
    """The second is recorded, and changes nothing."""
    road = financed()
    road.run()
    for _ in range(2):
        road.told(settled(road))
    road.run()
    road.told(released(road))
    assert road.names.count("mortgage.release") == 1
    assert road.steps[-1].rule == "UNASKED"
