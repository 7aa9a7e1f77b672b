"""Casts between versions, by property."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.contract import Contract
from contracts.insurance import INSURANCE_BOUND, InsuranceBoundV2, InsuranceBoundV3
from contracts.registry import CONTRACTS, contract_of
from contracts.sale import (
    SALE_CANCELLED,
    SALE_CONFIRMED,
    SaleCancelledV1,
    SaleConfirmedV1,
    SaleConfirmedV2,
    SaleConfirmedV3,
)
from contracts.versions import CannotDowncast, Loss, UnknownVersion, Versions
from tests.contracts.policies import by_days, by_hours, covers_whole_days, with_fees
from tests.contracts.sales import sales_v1, sales_v2, sales_v3

OF_OLD: Final[dict[tuple[str, int], Callable[[], st.SearchStrategy[Contract]]]] = {
    ("sale.confirmed", 1): sales_v1,
    ("sale.confirmed", 2): sales_v2,
    ("insurance.bound", 1): by_days,
    ("insurance.bound", 2): by_hours,
}
"""How to draw a message of each version that is not the newest of its contract."""
OLDER: Final = [(versions, number) for versions in CONTRACTS.values() for number in range(1, versions.newest)]
every_older_version = pytest.mark.parametrize(("versions", "number"), OLDER, ids=[f"{v.name}.v{n}" for v, n in OLDER])


def test_two_contracts_have_three_versions() -> None:
    """Enough that a subscriber may be two behind."""
    assert {name for name, versions in CONTRACTS.items() if versions.newest == 3} == {
        "sale.confirmed",
        "insurance.bound",
    }


@every_older_version
@given(data=st.data())
def test_what_was_lifted_comes_down_the_same(versions: Versions, number: int, data: st.DataObject) -> None:
    """`down(up(x)) == x`, of every version of every contract, and nothing is told as lost."""
    old = data.draw(OF_OLD[versions.name, number]())
    lowered = versions.lower(number, versions.up(number, old))
    assert lowered == (old, ())


@every_older_version
@given(data=st.data())
def test_a_stored_message_of_old_is_read_as_the_newest(versions: Versions, number: int, data: st.DataObject) -> None:
    """Bytes of a year ago are lifted when they are read."""
    old = data.draw(OF_OLD[versions.name, number]())
    assert versions.read(number, old.model_dump_json(exclude_none=True).encode()) == versions.up(number, old)


@given(sales_v3(export=False) | with_fees())
def test_what_a_cast_makes_is_valid_without_being_validated(new: Contract) -> None:
    """On the way down and on the way up again, in every version."""
    versions, _ = contract_of(new)
    for number in range(1, versions.newest):
        older = versions.down(number, new)
        for made in (older, versions.up(number, older)):
            assert type(made).model_validate(dict(made)) == made


@given(sales_v1())
def test_the_split_of_a_v1_price_adds_up(old: SaleConfirmedV1) -> None:
    """Price without VAT and VAT are the price to the fen, VAT is 13 % to a fen; it is cash, at home."""
    new = SALE_CONFIRMED.up(1, old)
    assert isinstance(new, SaleConfirmedV3)
    assert new.amount_excl + new.vat == new.amount_incl == old.price
    assert abs(new.vat * 100 - new.amount_excl * 13) <= 100
    assert new.loan is None
    assert new.export is None
    assert new.buyer is not None


@given(sales_v3(export=False))
def test_what_an_old_sale_cannot_say_is_lost_told_and_nothing_else(new: SaleConfirmedV3) -> None:
    """The way down and up changes exactly the fields that are told as lost."""
    lowered = SALE_CONFIRMED.lower(1, new)
    back = SALE_CONFIRMED.up(1, lowered.data)
    assert {name for name in SaleConfirmedV3.model_fields if getattr(back, name) != getattr(new, name)} == {
        *lowered.lost
    }


@given(sales_v3())
def test_a_sale_of_one_motor_loses_nothing_on_its_way_to_v2(new: SaleConfirmedV3) -> None:
    """Of several, the first stays."""
    lowered = SALE_CONFIRMED.lower(2, new)
    assert isinstance(lowered.data, SaleConfirmedV2)
    assert lowered.data.motor_no == new.motor_no
    assert lowered.lost == (("motor_nos",) if len(new.motor_nos) > 1 else ())


@given(sales_v3(export=True))
def test_a_sale_for_export_cannot_be_lowered(new: SaleConfirmedV3) -> None:
    """Rather no message than one that says the opposite."""
    with pytest.raises(CannotDowncast):
        SALE_CONFIRMED.down(1, new)
    assert "export" in SALE_CONFIRMED.losses[0].en


@given(with_fees())
def test_what_an_old_policy_cannot_say_is_lost_and_told(new: InsuranceBoundV3) -> None:
    """To v2 a late fee, to v1 the hours as well, where there are any."""
    middle, oldest = INSURANCE_BOUND.lower(2, new), INSURANCE_BOUND.lower(1, new)
    assert isinstance(middle.data, InsuranceBoundV2)
    assert middle.lost == (("withheld",) if new.withheld.vvt_late_fee else ())
    assert ({"start_at", "end_at"} & {*oldest.lost} == set()) is covers_whole_days(middle.data)
    assert middle.lost == oldest.lost[: len(middle.lost)]


@given(sales_v3())
def test_the_newest_is_neither_lifted_nor_lowered(new: SaleConfirmedV3) -> None:
    """Between a version and itself there is no cast."""
    assert SALE_CONFIRMED.up(3, new) is SALE_CONFIRMED.down(3, new) is new


@given(sales_v1() | sales_v2() | sales_v3() | by_days() | by_hours() | with_fees())
def test_what_is_written_is_read_back(told: Contract) -> None:
    """JSON and back, in the version that it is, is the same message."""
    assert type(told).model_validate_json(told.model_dump_json(exclude_none=True)) == told


@pytest.mark.parametrize("number", [-1, 0, 4])
def test_there_is_no_version_that_nobody_published(number: int) -> None:
    """Versions count from 1 to the newest; -1 is not the last one."""
    with pytest.raises(UnknownVersion):
        SALE_CONFIRMED.model(number)


@pytest.mark.parametrize("versions", CONTRACTS.values(), ids=list(CONTRACTS))
def test_every_loss_is_said_in_words(versions: Versions) -> None:
    """Whoever pins an old version can read, in both languages, what it does not get, and which fields those are."""
    assert len(versions.losses) == versions.newest - 1
    for number, loss in enumerate(versions.losses, start=2):
        assert len(loss.zh) > len("无")
        assert len(loss.en) > len("nothing")
        assert set(loss.fields) <= set(versions.model(number).model_fields)


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_a_missing_cast_is_an_error_at_import(ups: int, downs: int, losses: int) -> None:
    """Two versions need one cast each way and one loss; anything else cannot even be declared."""
    cast = SALE_CONFIRMED.upcasts[0]
    models = (SaleConfirmedV1, SaleConfirmedV2)
    loss = Loss("全部", "all", ())

    def declare() -> Versions:
        return Versions("x.y", "event", "oem", "a test", models, (cast,) * ups, (cast,) * downs, (loss,) * losses)

    if ups == downs == losses == 1:
        assert declare().newest == len(models)
    else:
        with pytest.raises(ValueError, match="need 1 upcasts"):
            declare()


def test_type_names_carry_the_version() -> None:
    """The newest unless another is asked for."""
    assert SALE_CONFIRMED.type_of() == "tongche.sale.confirmed.v3"
    assert SALE_CONFIRMED.type_of(1) == "tongche.sale.confirmed.v1"
    assert SALE_CANCELLED.models == (SaleCancelledV1,)
