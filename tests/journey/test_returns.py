"""A car that goes back: before registration the sale is undone, after it a case of its own follows (rulebook §5)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from contracts.insurance import InsuranceCancelV1
from contracts.loan import LoanSettledV1
from contracts.sale import SaleReturnedV1
from contracts.tax import TaxReclaimV1
from services.journey.decide import open_return
from services.journey.proofs import present
from services.journey.world import Cancel, Resume, TurnedBack
from tests.journey.road import LOAN, VIN, Road, name_of, sale

RETURNED = SaleReturnedV1(vin=VIN, returned_on=date(2026, 7, 1), reason="a fault in the battery")


def sold(fuel: str = "ICE", *, financed: bool = False) -> Road:
    """A closed sale whose car then went back."""
    road = Road(sale(fuel, loan=LOAN if financed else None))
    road.run()
    road.told(RETURNED)
    return road


def settled(road: Road) -> LoanSettledV1:
    """The bank's notice."""
    contract_no = present(present(road.case.papers.loan).loan_contract_no)
    return LoanSettledV1(vin=VIN, loan_contract_no=contract_no, settled_on=date(2026, 7, 3))


def taken_back(road: Road) -> Road:
    """The return's own case, as the process opens it."""
    decision = open_return("0190a000-0000-7000-8000-000000000002", road.case, road.world)
    return road.follow(decision)


def test_a_car_that_goes_back_before_it_is_registered_undoes_its_sale() -> None:
    """In reverse, and nobody deregisters anything."""
    road = Road()
    road.run("registration.register")
    road.refuse("registration.register", "P412")
    road.told(RETURNED)
    road.run()
    assert road.case.headline == "CANCELLED"
    assert road.names[-4:] == ["plate.release", "insurance.cancel", "tax.reclaim", "invoice.reverse"]


def test_a_registered_cars_return_follows_its_sale_once() -> None:
    """The closed case asks for a case of its own; told twice, it asks once."""
    road = Road()
    road.run()
    assert road.told(RETURNED).follow_up == RETURNED
    assert road.told(RETURNED).follow_up is None


def test_a_return_waits_until_the_sale_is_closed() -> None:
    """Plate and papers are still on their way: the return begins when nothing of the sale is open."""
    road = Road()
    road.run("plate.track")
    assert road.told(RETURNED).follow_up is None
    assert road.answer("plate.track").follow_up == RETURNED


def test_a_return_told_while_the_registration_is_under_way_is_not_forgotten() -> None:
    """It came too late to undo the sale, so it follows it."""
    road = Road()
    road.run("registration.register")
    road.told(RETURNED)
    road.answer("registration.register")
    road.run()
    assert (road.case.headline, road.case.followed) == ("CLOSED", True)


def test_a_returned_car_is_struck_off_then_cover_and_tax_end_by_their_own_remedies() -> None:
    """Licence, register, then CTPL 16 and PTL 15: the tax without surcharge, less ten per cent a full year."""
    road = taken_back(sold())
    road.run()
    assert road.case.headline == "CLOSED"
    assert road.names[:2] == ["elicence.revoke", "registration.deregister"]
    assert {*road.names[2:]} == {"insurance.cancel", "tax.reclaim"}
    cancelled, reclaimed = (
        next(sent.data for sent in road.asked if name_of(sent) == name) for name in ("insurance.cancel", "tax.reclaim")
    )
    assert isinstance(cancelled, InsuranceCancelV1)
    assert isinstance(reclaimed, TaxReclaimV1)
    assert cancelled.cancel_ground == "DEREGISTERED"
    assert (reclaimed.reclaim_basis, reclaimed.refund_asked) == ("PTL-15", 1_000_000)
    assert "PTL-2019" in road.case.packs


@pytest.mark.parametrize(("years", "refund"), [(1, 900_000), (2, 800_000), (9, 100_000)])
def test_each_full_year_since_payment_costs_a_tenth(years: int, refund: int) -> None:
    """PTL 15, until the day of the request; what comes back is judged by that day, whenever it comes."""
    road = sold()
    road.sleep(timedelta(days=366 * years))
    back = taken_back(road)
    back.run("tax.reclaim")
    asked = back.find("tax.reclaim").data
    assert isinstance(asked, TaxReclaimV1)
    assert (asked.refund_asked, asked.reclaimed_on) == (refund, back.world.today)
    back.sleep(timedelta(days=366))
    back.run()
    assert back.case.headline == "CLOSED"


def test_after_ten_years_nothing_is_left_to_refund() -> None:
    """No claim for nothing."""
    road = sold()
    road.sleep(timedelta(days=3660))
    back = taken_back(road)
    back.run()
    assert (back.case.headline, back.state("tax"), "tax.reclaim" in back.names) == ("CLOSED", "NOTHING_LEFT", False)


def test_a_refund_of_another_amount_is_held() -> None:
    """What came back is not what PTL 15 gives back: recorded, and the tax desk's."""
    back = taken_back(sold())
    back.run("tax.reclaim")
    back.answer("tax.reclaim", refund=1)
    back.run()
    assert (back.held("tax"), back.case.headline) == ("refund", "MANUAL")
    back.hear(Resume("the rest was paid as well", "li"))
    assert back.case.headline == "CLOSED"


def test_a_mortgaged_car_is_not_struck_off_before_its_release() -> None:
    """Held for the bank, then its desk's; the settlement releases the mortgage, and the return goes on."""
    back = taken_back(sold("BEV", financed=True))
    assert (back.held("mort"), back.names) == ("mortgaged", [])
    back.sleep(timedelta(days=10))
    assert back.case.owner == "bank-desk"
    back.told(settled(back))
    back.run()
    assert (back.case.headline, back.names[:2]) == ("CLOSED", ["mortgage.release", "elicence.revoke"])


def test_a_return_waits_for_the_release_that_its_sale_has_asked() -> None:
    """Two cases of one car never ask for one release."""
    road = Road(sale("BEV", loan=LOAN))
    road.run()
    road.told(settled(road))
    assert road.told(RETURNED).follow_up is None
    decision = road.answer("mortgage.release")
    assert (decision.follow_up, road.state("mort")) == (RETURNED, "RELEASED")


def test_a_sale_whose_car_went_back_asks_nothing_of_the_mortgage() -> None:
    """Its return has taken that over, so a settlement that both heard would be carried out twice."""
    road = sold("BEV", financed=True)
    road.told(settled(road))
    assert "mortgage.release" not in road.names


def test_a_return_that_is_called_off_gives_back_what_it_took_over() -> None:
    """What its case had heard of the loan is the sale's again, and a later return begins anew."""
    road = sold("BEV", financed=True)
    back = taken_back(road)
    back.told(settled(back))
    back.run("elicence.revoke")
    assert back.state("mort") == "RELEASED"
    back.refuse("elicence.revoke", "P412")
    back.hear(Cancel("kept after all", "li"))
    road.hear(TurnedBack(back.case))
    assert (road.state("loan"), road.state("mort"), road.case.followed) == ("SETTLED", "RELEASED", False)
    assert road.told(RETURNED).follow_up == RETURNED


def test_a_return_before_the_sale_is_not_believed() -> None:
    """A day that cannot be: recorded, and nothing follows."""
    road = Road()
    road.run()
    decision = road.told(RETURNED.model_copy(update={"returned_on": date(2026, 5, 3)}))
    assert (decision.follow_up, decision.steps[-1].rule) == (None, "V102")


def test_a_return_may_be_called_off_until_the_car_is_struck_off() -> None:
    """Nothing was done that could be taken back; afterwards it is too late."""
    back = taken_back(sold("BEV", financed=True))
    back.hear(Cancel("kept after all", "li"))
    assert back.case.headline == "CANCELLED"


def test_the_clock_of_the_tax_does_not_run_in_a_return() -> None:
    """Sixty days are for a purchase."""
    back = taken_back(sold())
    back.sleep(timedelta(days=100))
    back.run()
    assert (back.case.headline, back.case.tax_clock) == ("CLOSED", None)
