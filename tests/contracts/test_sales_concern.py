"""Whose business a sale is, whichever version told it."""

from __future__ import annotations

from hypothesis import given

from contracts.concerns import Concerns
from contracts.sale import SALE_CONFIRMED, SaleCancelledV1, SaleConfirmedV1, SaleConfirmedV3, concerned
from tests.contracts.sales import sales_v1, sales_v3


@given(sales_v1())
def test_a_sale_of_old_concerns_seller_maker_insurer_and_a_place(old: SaleConfirmedV1) -> None:
    """It is cash, at home."""
    assert concerned(old) == Concerns(old.region, old.seller_uscc, old.maker_uscc, insurer=old.insurer_uscc)


@given(sales_v3())
def test_a_sale_concerns_the_same_in_every_version_that_can_say_it(new: SaleConfirmedV3) -> None:
    """A bank only where there is a loan, an exporter and no place only where the car leaves."""
    told = concerned(new)
    assert told == concerned(SALE_CONFIRMED.down(2, new)) == new.concerns
    assert bool(told.lender) is bool(new.loan)
    assert bool(told.exporter) is bool(new.export)
    assert bool(told.region) is bool(told.insurer) is bool(new.buyer)


def test_what_is_no_sale_concerns_nobody_that_it_names() -> None:
    """Its parties are those of its sale, and whoever publishes it must look there."""
    assert concerned(SaleCancelledV1(vin="LZZTEST05TA000001", reason="样本")) == Concerns()
