"""A subscriber's reader: typed where it may see, silent where it may not; what it does not know it passes over."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe, jwk

from contracts.envelope import Undecodable
from contracts.registry import CONTRACTS, resolve
from contracts.views.reading import CannotOpen, View, read_view, view_of

SAID: Final[list[tuple[str, dict[str, Any]]]] = [
    (line["type"], line["data"])
    for line in map(
        json.loads, (Path(__file__).parents[1] / "said_before.jsonl").read_text(encoding="utf-8").splitlines()
    )
]
KEY: Final = jwk.ECKey.generate_key("P-256", private=True)
SALE: Final[dict[str, Any]] = {
    "vin": "LZZTEST05TA000001",
    "sold_on": "2026-11-02",
    "amount_incl": True,
    "engine_no": "**0001",
    "buyer": {"region": "310115", "insurer_uscc": "91110000MAY1GEUH59"},
}
BUYER: Final = {"buyer": {"buyer_name": "赵样本", "buyer_id_no": "330106199303280005"}}


def headers(type_: str, **others: str) -> list[tuple[str, bytes | None]]:
    told = {
        "ce_specversion": "1.0",
        "ce_id": "m-1",
        "ce_source": "urn:tongche:journey",
        "ce_type": type_,
        "ce_subject": "case-1",
        "ce_time": "2026-11-21T01:00:00.000Z",
        "ce_dataschema": f"urn:tongche:schema:to.bank.{type_}",
    } | others
    return [(name, text.encode()) for name, text in told.items()]


def read(data: dict[str, Any], key: dict[str, Any] | None = None, **others: str) -> View:
    return read_view(headers("tongche.sale.confirmed.v2", **others), json.dumps(data).encode(), key)


def sealed(data: dict[str, Any], algorithm: str = "ECDH-ES") -> str:
    return jwe.encrypt_compact(
        {"alg": algorithm, "enc": "A256GCM"}, json.dumps(data), KEY, algorithms=[algorithm, "A256GCM"]
    )


@pytest.mark.parametrize(("type_", "data"), SAID, ids=[type_ for type_, _ in SAID])
def test_what_is_seen_in_full_is_read_as_the_contract_has_it(type_: str, data: dict[str, Any]) -> None:
    """Dates are dates, times aware, money integer; written again it says the same."""
    view = read_view(headers(type_), json.dumps(data).encode())
    versions, number = resolve(type_)
    contract = versions.model(number).model_validate_json(json.dumps(data))
    assert {name: getattr(view.data, name) for name in data if not isinstance(data[name], dict | list)} == {
        name: getattr(contract, name) for name in data if not isinstance(data[name], dict | list)
    }
    assert view.data.model_dump_json(exclude_none=True) == contract.model_dump_json(exclude_unset=True)


@given(st.data())
def test_any_part_of_a_message_can_be_read(drawn: st.DataObject) -> None:
    """Whatever is denied is None, whatever is unknown is passed over."""
    type_, data = drawn.draw(st.sampled_from(SAID))
    kept = {name: data[name] for name in data if drawn.draw(st.booleans())}
    view = read_view(headers(type_), json.dumps(kept | {"of_tomorrow": {"deep": [1]}}).encode())
    assert set(view.data.model_dump(exclude_none=True)) == kept.keys()


def test_every_version_of_every_contract_can_be_read() -> None:
    """Of each a reader is made, with the version's own fields and nothing required."""
    for versions in CONTRACTS.values():
        for model in versions.models:
            assert view_of(model).model_fields.keys() == model.model_fields.keys()
            view_of(model)()


def test_what_stands_masked_or_as_yes_or_no_is_read_as_it_stands() -> None:
    """A text for a number's place, True for a price's; beside them what is seen in full keeps its type."""
    view = read(SALE, ce_lost="loan,battery_excl")
    assert (view.data.engine_no, view.data.amount_incl, view.data.sold_on) == ("**0001", True, date(2026, 11, 2))
    assert (view.data.buyer.region, view.data.buyer.buyer_name, view.data.loan) == ("310115", None, None)
    assert (view.lost, view.sealed, view.envelope.subject) == (("loan", "battery_excl"), False, "case-1")


@pytest.mark.parametrize("algorithm", ["ECDH-ES", "ECDH-ES+A256KW"])
def test_what_was_sealed_goes_back_to_its_place(algorithm: str) -> None:
    """With the subscriber's key; without it the rest is read, and that something is sealed is told."""
    told = SALE | {"sealed": sealed(BUYER, algorithm)}
    opened = read(told, KEY.as_dict(private=True))
    assert (opened.data.buyer.buyer_name, opened.data.buyer.region, opened.sealed) == ("赵样本", "310115", False)
    closed = read(told)
    assert (closed.data.buyer.buyer_name, closed.data.buyer.region, closed.sealed) == (None, "310115", True)


def test_what_was_sealed_of_a_list_goes_back_one_by_one() -> None:
    """Each member gets its own; another number of them is what was sealed alone."""
    name = "tongche.case.changed.v1"
    hidden = {"facets": [{"state": "PAID"}, {"state": "BOUND"}]}
    told = {"facets": [{"name": "tax"}, {"name": "ins"}], "sealed": sealed(hidden)}
    view = read_view(headers(name), json.dumps(told).encode(), KEY.as_dict(private=True))
    assert [(facet.name, facet.state) for facet in view.data.facets] == [("tax", "PAID"), ("ins", "BOUND")]
    told["facets"] = [{"name": "tax"}]
    view = read_view(headers(name), json.dumps(told).encode(), KEY.as_dict(private=True))
    assert [(facet.name, facet.state) for facet in view.data.facets] == [(None, "PAID"), (None, "BOUND")]


def test_another_key_is_the_readers_trouble_and_no_poison() -> None:
    """Passing the message over would lose it: it is read again with the right key."""
    other = jwk.ECKey.generate_key("P-256", private=True).as_dict(private=True)
    with pytest.raises(CannotOpen):
        read(SALE | {"sealed": sealed(BUYER)}, other)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no-value"),
        (b"not json", "view::json_invalid"),
        (b"[]", "view::not_an_object"),
        (b'{"buyer": "somebody"}', "view:buyer:model_type"),
        (b'{"amount_incl": NaN}', "view::json_invalid"),
    ],
)
def test_what_is_no_view_is_told_by_place_and_reason(value: bytes | None, reason: str) -> None:
    """Never by its content."""
    with pytest.raises(Undecodable) as refused:
        read_view(headers("tongche.sale.confirmed.v2"), value)
    assert refused.value.reason == reason


def test_a_version_that_the_wheel_does_not_know_is_named() -> None:
    """A newer contract than this wheel: get the newer wheel."""
    with pytest.raises(Undecodable, match="unknown-type"):
        read_view(headers("tongche.sale.confirmed.v99"), b"{}")


def test_the_year_that_is_left_of_a_moment_is_no_moment() -> None:
    """Not 2,026 seconds after the beginning of 1970."""
    view = read_view(headers("tongche.tax.paid.v1"), b'{"tax_paid_at": "2026"}')
    assert view.data.tax_paid_at == "2026"
