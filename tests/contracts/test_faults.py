"""Every fault of a message at once, and never a value."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import faults_of
from contracts.sale import Fault, SaleCancelledV1, SaleConfirmedV1, SaleConfirmedV2, SaleCorrectedV1
from tests.contracts.sales import sales_v1, sales_v2

MARKER: Final = "机密15487604561"

BROKEN: Final[dict[str, Any]] = {
    "order_no": "-starts with a dash",
    "vin": "LZZTEST06TA000001",
    "coc_no": "short",
    "maker": "",
    "model": "a\x00b",
    "fuel_kind": "STEAM",
    "seats": 10,
    "curb_mass": "1500",
    "displacement": 1.5,
    "mfg_date": "2026-02-30",
    "nev_catalogue": "yes",
    "sold_on": 20260504,
    "seller_uscc": "911100001000013428",
    "maker_uscc": None,
    "ccc_no": "2O16010901123456",
    "amount_incl": 0,
    "amount_excl": -1,
    "vat": 10**11,
}
"""A value for each field of a vehicle that is wrong by itself."""


def raw_of(sale: SaleConfirmedV1 | SaleConfirmedV2) -> dict[str, Any]:
    """The sale as a JSON reader gives it."""
    raw: dict[str, Any] = json.loads(sale.model_dump_json(exclude_none=True))
    return raw


def reasons(faults: tuple[Fault, ...]) -> set[tuple[str, str]]:
    """Field and reason of each."""
    return {(fault.field, fault.reason) for fault in faults}


HOME: Final = sales_v2(export=False).map(raw_of)


@given(sales_v1() | sales_v2())
def test_a_right_message_has_no_fault(sale: SaleConfirmedV1 | SaleConfirmedV2) -> None:
    """And comes back as the message that it is."""
    assert faults_of(type(sale), raw_of(sale)) == (sale, ())


@given(HOME, st.sets(st.sampled_from(sorted(BROKEN)), min_size=1))
def test_every_broken_field_is_named_at_once(raw: dict[str, Any], broken: set[str]) -> None:
    """However many are wrong, each is told, with V101 for the VIN and V102 for the rest."""
    message, faults = faults_of(SaleConfirmedV2, raw | {name: BROKEN[name] for name in broken})
    assert message is None
    assert {fault.field for fault in faults} == broken
    assert all((fault.code == "V101") == (fault.field == "vin") for fault in faults)


@given(HOME, st.sets(st.sampled_from(sorted({*BROKEN} - {"ccc_no", "displacement"})), min_size=1))
def test_every_missing_field_is_named(raw: dict[str, Any], missing: set[str]) -> None:
    """Absent required fields are faults of their own."""
    _, faults = faults_of(SaleConfirmedV2, {name: value for name, value in raw.items() if name not in missing})
    assert reasons(faults) == {(name, "missing") for name in missing}


@given(HOME, st.sampled_from(["maker", "seats", "coc_no"]))
def test_rules_between_fields_are_told_beside_broken_fields(raw: dict[str, Any], broken: str) -> None:
    """A fault in one field hides no broken rule between others, and each rule is told once."""
    raw |= {
        broken: BROKEN[broken],
        "sold_on": "2020-01-01",
        "vat": raw["vat"] ^ 1,
        "loan": {"lender_uscc": raw["seller_uscc"], "loan_amount": 10_000_000_000},
        "export": {"hs_code": "8703801090", "destination": "DE", "exporter_uscc": raw["seller_uscc"]},
    }
    del raw["buyer"]["phone"]
    for name in ("engine_no", "motor_no"):
        raw.pop(name, None)
    _, faults = faults_of(SaleConfirmedV2, raw)
    told = [(fault.field, fault.reason) for fault in faults]
    assert {field for field, reason in told if field == broken} == {broken}
    expected = {
        ("sold_on", "sold_before_made"),
        ("engine_no", "no_power_unit"),
        ("amount_incl", "price_split"),
        ("loan", "loan_for_export"),
        ("buyer", "home_or_export"),
        ("buyer.phone", "missing"),
    }
    assert expected <= set(told)
    assert len(set(told)) == len(told)


@given(HOME)
def test_a_rule_is_not_judged_by_a_broken_field(raw: dict[str, Any]) -> None:
    """Whoever sees that a date is none does not hear that it is too early as well."""
    _, faults = faults_of(SaleConfirmedV2, raw | {"mfg_date": "2026-02-30"})
    assert {fault.field for fault in faults} == {"mfg_date"}


@given(HOME)
def test_a_part_s_own_rule_is_told_with_its_place(raw: dict[str, Any]) -> None:
    """A resident number that does not hold, inside the buyer, beside a broken seat."""
    raw["seats"] = 0
    raw["buyer"] |= {"buyer_id_type": "RESIDENT_ID", "buyer_id_no": "110105198301300008"}
    _, faults = faults_of(SaleConfirmedV2, raw)
    assert {fault.field for fault in faults} == {"seats", "buyer.buyer_id_no"}


@pytest.mark.parametrize(
    ("field", "value", "suggestion"),
    [
        ("vin", "LZZTEST06TA000001", "LZZTEST05TA000001"),
        ("vin", "LZZTESTO5TAOOOOOI", "LZZTEST05TA000001"),
        ("seller_uscc", "911100001000013428", "91110000100001342C"),
        ("ccc_no", "2O16010901123456", "2016010901123456"),
        ("coc_no", "short", None),
    ],
)
@given(raw=HOME)
def test_what_would_mend_it_is_suggested(raw: dict[str, Any], field: str, value: str, suggestion: str | None) -> None:
    """A number that holds, where one letter decides; never a silent correction."""
    _, (fault,) = faults_of(SaleConfirmedV2, raw | {field: value})
    assert (fault.field, fault.suggestion) == (field, suggestion)


@given(HOME, st.booleans())
def test_an_unknown_field_is_refused_and_not_named(raw: dict[str, Any], inside: bool) -> None:  # noqa: FBT001
    """Its name could be personal data in the wrong place; a part is named, the message itself is not."""
    (raw["buyer"] if inside else raw)[MARKER] = 1
    _, faults = faults_of(SaleConfirmedV2, raw)
    assert reasons(faults) == {("buyer" if inside else "an unknown field", "extra_forbidden")}


VALUES: Final = st.sampled_from(
    [MARKER, MARKER * 40, "15487604561", 15487604561, 15487604561.5, [MARKER], {MARKER: MARKER}, [[{"x": MARKER}]]]
)


@given(sales_v1() | sales_v2(), st.data())
def test_no_fault_tells_a_value(sale: SaleConfirmedV1 | SaleConfirmedV2, data: st.DataObject) -> None:
    """Whatever is put into whatever field, known or not, nothing of it is in what is told."""
    raw = raw_of(sale)
    places = [raw, *(part for part in raw.values() if isinstance(part, dict))]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.sampled_from(places))
        place[data.draw(st.sampled_from(sorted(place)) | st.just(MARKER))] = data.draw(VALUES)
    _, faults = faults_of(type(sale), raw)
    told = " ".join(fault.model_dump_json() for fault in faults)
    assert "机密" not in told
    assert "15487604561" not in told


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_any_json_in_any_field_is_a_fault_and_nothing_worse(value: Any) -> None:
    """Nothing that a JSON reader can give brings the check down."""
    for model in (SaleConfirmedV2, SaleCorrectedV1, SaleCancelledV1):
        raw = dict.fromkeys(model.model_fields, value)
        message, faults = faults_of(model, raw)
        assert message is None
        assert faults


def test_half_a_surrogate_pair_is_a_fault_like_any_other() -> None:
    """JSON can write it, and no text has it; it must not be taken for a mistake of ours."""
    data, (fault,) = faults_of(SaleCancelledV1, {"vin": "\ud800"})
    assert data is None
    assert (fault.code, fault.reason) == ("V102", "string_unicode")
