"""Casts between versions, by property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.registry import CONTRACTS
from contracts.sale import (
    SALE_CANCELLED,
    SALE_CONFIRMED,
    CannotDowncast,
    SaleCancelledV1,
    SaleConfirmedV1,
    SaleConfirmedV2,
)
from contracts.versions import UnknownVersion, Versions
from tests.contracts.sales import sales_v1, sales_v2


@given(sales_v1())
def test_a_v1_sale_survives_the_way_up_and_down(old: SaleConfirmedV1) -> None:
    """Lifting loses nothing: lowering gives the same sale back."""
    assert SALE_CONFIRMED.down(1, SALE_CONFIRMED.up(1, old)) == old


@given(sales_v1())
def test_the_split_of_a_v1_price_adds_up(old: SaleConfirmedV1) -> None:
    """Price without VAT and VAT are the price to the fen, VAT is 13 % to a fen; it is cash, at home."""
    new = SALE_CONFIRMED.up(1, old)
    assert isinstance(new, SaleConfirmedV2)
    assert new.amount_excl + new.vat == new.amount_incl == old.price
    assert abs(new.vat * 100 - new.amount_excl * 13) <= 100
    assert new.loan is None
    assert new.export is None
    assert new.buyer is not None


@given(sales_v1())
def test_a_stored_v1_is_read_as_the_newest(old: SaleConfirmedV1) -> None:
    """Bytes of a year ago are lifted when they are read."""
    assert SALE_CONFIRMED.read(1, old.model_dump_json(exclude_none=True).encode()) == SALE_CONFIRMED.up(1, old)


@given(sales_v2(export=False))
def test_what_v1_cannot_say_is_lost_and_nothing_else(new: SaleConfirmedV2) -> None:
    """The way down and up changes the split and the loan, which the declared loss names."""
    back = SALE_CONFIRMED.up(1, SALE_CONFIRMED.down(1, new))
    lost = {"loan", "amount_excl", "vat"}
    assert back.model_dump(exclude=lost) == new.model_dump(exclude=lost)
    assert "loan" in SALE_CONFIRMED.losses[0]
    assert "split" in SALE_CONFIRMED.losses[0]


@given(sales_v2(export=True))
def test_a_sale_for_export_cannot_be_lowered(new: SaleConfirmedV2) -> None:
    """Rather no message than one that says the opposite."""
    with pytest.raises(CannotDowncast):
        SALE_CONFIRMED.down(1, new)
    assert "export" in SALE_CONFIRMED.losses[0]


@given(sales_v2())
def test_the_newest_is_neither_lifted_nor_lowered(new: SaleConfirmedV2) -> None:
    """Between a version and itself there is no cast."""
    assert SALE_CONFIRMED.up(2, new) is SALE_CONFIRMED.down(2, new) is new


@given(sales_v1() | sales_v2())
def test_what_is_written_is_read_back(sale: SaleConfirmedV1 | SaleConfirmedV2) -> None:
    """JSON and back, in the version that it is, is the same message."""
    assert type(sale).model_validate_json(sale.model_dump_json(exclude_none=True)) == sale


@pytest.mark.parametrize("number", [-1, 0, 3])
def test_there_is_no_version_that_nobody_published(number: int) -> None:
    """Versions count from 1 to the newest; -1 is not the last one."""
    with pytest.raises(UnknownVersion):
        SALE_CONFIRMED.model(number)


@pytest.mark.parametrize("versions", CONTRACTS.values(), ids=list(CONTRACTS))
def test_every_loss_is_said_in_words(versions: Versions) -> None:
    """Whoever pins an old version can read what it does not get."""
    assert len(versions.losses) == versions.newest - 1
    assert all(len(loss) > len("nothing") for loss in versions.losses)


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_a_missing_cast_is_an_error_at_import(ups: int, downs: int, losses: int) -> None:
    """Two versions need one cast each way and one loss; anything else cannot even be declared."""
    cast = SALE_CONFIRMED.upcasts[0]
    models = (SaleConfirmedV1, SaleConfirmedV2)

    def declare() -> Versions:
        return Versions("x.y", "event", "oem", "a test", models, (cast,) * ups, (cast,) * downs, ("all",) * losses)

    if ups == downs == losses == 1:
        assert declare().newest == len(models)
    else:
        with pytest.raises(ValueError, match="need 1 upcasts"):
            declare()


def test_type_names_carry_the_version() -> None:
    """The newest unless another is asked for."""
    assert SALE_CONFIRMED.type_of() == "tongche.sale.confirmed.v2"
    assert SALE_CONFIRMED.type_of(1) == "tongche.sale.confirmed.v1"
    assert SALE_CANCELLED.models == (SaleCancelledV1,)
