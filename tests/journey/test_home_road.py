"""A new car from sale to plates, when all goes well and when the papers say so."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from contracts.tax import TaxPayV1
from tests.journey.road import EXPORT, LOAN, Road, sale


def paid(road: Road) -> list[int]:
    return [sent.data.amount_due for sent in road.asked if isinstance(sent.data, TaxPayV1)]


def test_a_cash_car_closes_without_loan_or_mortgage() -> None:
    """ICE 113,000: tax 10,000.00, no T4, no T9, fuel plate, CLOSED."""
    road = Road(sale())
    road.run()
    assert road.case.headline == "CLOSED"
    assert {"loan.apply", "mortgage.register"}.isdisjoint(road.names)
    assert paid(road) == [1_000_000]
    assert road.case.packs == ("NEV-26", "PTL-2019", "CTPL-2020", "VVT", "ELIC-NATIONAL")
    assert road.state("ins") == "ENDORSED"


def test_a_financed_electric_car_is_mortgaged_after_registration() -> None:
    """BEV 226,000 on a loan: tax 10,000.00, T8 then T9, a plate of the D set."""
    road = Road(sale("BEV", 22_600_000, loan=LOAN))
    road.run()
    assert road.case.headline == "CLOSED"
    assert road.names.index("registration.register") < road.names.index("mortgage.register")
    assert road.case.papers.registered is not None
    assert road.case.papers.registered.plate_no == "陕AD12345"
    assert road.rules[-1] == "T12"


def test_what_may_run_in_parallel_does() -> None:
    """After the invoice, loan, tax, insurance and plate are asked at once; after T8 what hangs on it."""
    road = Road(sale("BEV", loan=LOAN))
    road.answer("coc.query")
    road.answer("invoice.request")
    assert {"loan.apply", "tax.declare", "insurance.quote", "plate.reserve"} == {*road.names[2:]}
    road.run("registration.register")
    before = len(road.names)
    road.answer("registration.register")
    asked = {*road.names[before:]}
    assert asked == {"insurance.endorse", "mortgage.cosign", "elicence.issue", "plate.dispatch"}


def test_closing_does_not_wait_for_the_endorsement() -> None:
    """The plate in the policy may come after the end, and is recorded."""
    road = Road()
    road.run("insurance.endorse")
    assert road.case.headline == "CLOSED"
    road.answer("insurance.endorse")
    assert (road.case.headline, road.state("ins")) == ("CLOSED", "ENDORSED")


def test_nothing_is_asked_twice_when_all_goes_well() -> None:
    """Each command once."""
    road = Road(sale("PHEV", loan=LOAN))
    road.run()
    assert len(road.names) == len({*road.names}) == 15


@pytest.mark.parametrize(
    ("invoiced", "declared", "pack"), [(date(2025, 12, 31), date(2026, 1, 20), "NEV-24")], ids=["invoice-date-decides"]
)
def test_the_pack_is_chosen_by_the_invoice_date(invoiced: date, declared: date, pack: str) -> None:
    """Sold in 2025, declared in 2026: NEV-24 applies."""
    road = Road(
        sale("BEV", 40_000_000, sold_on=invoiced, mfg_date=date(2025, 11, 1)),
        on=declared,
        twist={"tax.declare": {"relief": 3_000_000, "tax_payable": 539_823}},
    )
    road.run()
    assert road.case.headline == "CLOSED"
    assert pack in road.case.packs


def test_a_relieved_car_pays_nothing() -> None:
    """Under NEV-24 a cheap electric car owes nothing: RELIEVED, no payment asked."""
    road = Road(
        sale("BEV", 11_300_000, sold_on=date(2025, 12, 1), mfg_date=date(2025, 11, 1)),
        on=date(2025, 12, 2),
        twist={"tax.declare": {"relief": 1_000_000, "tax_payable": 0}},
    )
    road.run()
    assert (road.case.headline, road.state("tax")) == ("CLOSED", "RELIEVED")
    assert "tax.pay" not in road.names


def test_a_late_declaration_pays_its_surcharge_and_closes() -> None:
    """Day 61: T408 is recorded, the surcharge of our own reckoning is paid, the case closes."""
    road = Road(sale(sold_on=date(2026, 3, 1)), on=date(2026, 5, 5))
    road.run()
    assert "T408" in road.rules
    assert road.case.headline == "CLOSED"
    assert paid(road) == [1_000_000 + 2_500]


def test_the_sixty_days_ring_while_the_tax_waits() -> None:
    """A case whose tax office is silent learns on day 61 that it is late."""
    road = Road(sale(sold_on=date(2026, 5, 4)))
    road.run("tax.declare")
    road.sleep(timedelta(days=58))
    assert "T408" not in road.rules
    road.sleep(timedelta(days=2))
    assert "T408" in road.rules


@pytest.mark.parametrize(("hs_code", "licensed"), [("8703801090", True), ("8703809090", False), ("8703234190", False)])
def test_an_export_closes_when_the_car_has_left(hs_code: str, licensed: bool) -> None:  # noqa: FBT001
    """A licence is asked only where the pack demands one."""
    fuel = "ICE" if hs_code.startswith("870323") else "BEV"
    road = Road(sale(fuel, export=EXPORT.model_copy(update={"hs_code": hs_code})))
    road.run()
    assert road.case.headline == "CLOSED"
    assert ("licence.apply" in road.names) is licensed
    assert road.state("licence") == ("LICENSED" if licensed else "NOT_NEEDED")
    assert "EXP-BEV-54/2025" in road.case.packs
