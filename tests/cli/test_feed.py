"""The feed of the demonstration: what a subscriber got is judged by the matrix, and shown without a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from random import Random
from typing import Any, Final

import pytest
from joserfc import jwe, jwk
from pydantic_core import from_json, to_json
from rich.console import Console

from contracts.fields import FIELDS
from contracts.registry import resolve
from contracts.views.plan import Shown, view_of
from contracts.views.subscriber import Grant, PublicKey, Subscriber
from services.cli import feed
from services.cli.feed import Fed, Pin
from services.publisher.sales import sales

KEY: Final = jwk.ECKey.generate_key("P-256", private=True)
TODAY: Final = date(2026, 11, 21)
INSURER: Final = "91110000MAY1GEUH59"
ASKED: Final = ("vin", "motor_no", "amount_incl", "buyer_name", "phone", "region")
SALE: Final = next(
    one
    for one in sales(200, Random(3), TODAY, "urn:test", ("91330106MAQF5GE83R",))
    if len(one.data.get("motor_nos", ())) > 1 and "buyer" in one.data
)


@dataclass(frozen=True, slots=True)
class Record:
    """What Kafka gives, as far as it is read."""

    headers: tuple[tuple[str, bytes], ...]
    value: bytes


def pin(version: int = 2) -> Pin:
    grant = Grant(
        id="g",
        contract="sale.confirmed",
        version=version,
        fields=ASKED,
        purpose="p",
        legal_basis="b",
        until=datetime(2030, 1, 1, tzinfo=UTC),
    )
    key = PublicKey.model_validate(KEY.as_dict(private=False) | {"kid": None})
    return Pin(
        Subscriber(name="insurer", title="t", party="I", usccs={"91110000MAY1GEUH59"}, jurisdiction=(), key=key), grant
    )


def shown() -> Shown:
    versions, _ = resolve("tongche.sale.confirmed.v2")
    lowered = versions.lower(2, versions.read(3, to_json(SALE.data)))
    return view_of(*pin(), b"s" * 32).show(from_json(lowered.data.model_dump_json(exclude_none=True)))


def fed(clear: Mapping[str, Any], sealed: Mapping[str, Any], *, lost: str = "motor_nos", version: int = 2) -> Fed:
    token = jwe.encrypt_compact(
        {"alg": "ECDH-ES", "enc": "A256GCM"}, to_json(sealed), KEY, algorithms=["ECDH-ES", "A256GCM"]
    )
    headers = (("ce_type", f"tongche.sale.confirmed.v{version}".encode()), ("ce_lost", lost.encode()))
    record: Any = Record(headers, to_json({**clear, "sealed": token}))
    return feed._fed(pin(), SALE, record, KEY.as_dict(private=True))


def test_what_projection_sends_has_no_fault() -> None:
    """The price in a band, the buyer sealed, the rest in clear, and the second motor lost."""
    got = fed(shown().clear, shown().sealed)
    assert got.faults == ()
    assert got.lost == ("motor_nos",)
    assert got.fields == {
        "vin": "full",
        "motor_no": "full",
        "amount_incl": "masked",
        "region": "full",
        "buyer_name": "sealed",
        "phone": "sealed",
    }


@pytest.mark.parametrize(
    ("clear", "sealed", "fault"),
    [
        ({"amount_incl": SALE.data["amount_incl"]}, {}, "amount_incl: full, masked is due"),
        ({"phone": SALE.data["buyer"]["phone"]}, {}, "phone: full, sealed is due"),
        ({"order_no": SALE.data["order_no"]}, {}, "order_no: not granted"),
        ({"motor_no": None}, {}, "motor_no: missing, full is due"),
        ({}, {"buyer_name": "somebody else"}, "altered: buyer_name"),
    ],
)
def test_what_should_not_be_there_or_not_so_is_named(clear: dict[str, Any], sealed: dict[str, Any], fault: str) -> None:
    """In clear though hidden or sealed is due, not granted, missing, altered."""
    sent = {name: value for name, value in {**shown().clear, **clear}.items() if value is not None}
    hidden = {name: value for name, value in {**_flat(shown().sealed), **sealed}.items() if name not in clear}
    assert fault in fed(sent, hidden).faults


def _flat(told: Mapping[str, Any]) -> dict[str, Any]:
    return dict(told["buyer"])


def test_another_version_and_an_invented_loss_are_faults() -> None:
    """The pinned version is what counts, and only what was lost may be called lost."""
    assert "version" in fed(shown().clear, shown().sealed, version=1).faults
    assert "lost: buyer" in fed(shown().clear, shown().sealed, lost="motor_nos,buyer").faults


def test_the_table_shows_names_and_signs_and_no_value() -> None:
    """Aligned, for both languages; what one subscriber is not told is a dot."""
    got = fed(shown().clear, shown().sealed)
    other = Fed("tax", "sale.confirmed", 3, {"vin": "full", "phone": "yes_no"}, ())
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(feed.table([got, other]))
    text = captured.get()
    rows = {line.split()[1]: line.split()[2:] for line in text.splitlines() if len(line.split()) >= 4}
    assert rows["vin"] == ["●", "●"]
    assert rows["phone"] == ["▣", "?"]
    assert rows["amount_incl"] == ["◐", "·"]
    values = [str(value) for value in SALE.data["buyer"].values()] + [SALE.data["vin"]]
    assert [value for value in values if value in text] == []
    assert set(got.fields) <= FIELDS.keys()


def test_the_sale_that_is_shown_is_one_that_concerns_all() -> None:
    """Drawn until somebody of every version is concerned; it is as all other sales are."""
    drawn = sales(2_000, Random(1), TODAY, "urn:test", ("91330106MAQF5GE83R",))
    police = Pin(Subscriber(name="police", title="t", party="P", jurisdiction=("31",)), pin().grant)
    sale = feed.showpiece(drawn, [pin(), police])
    assert sale.data["buyer"]["region"].startswith("31")
    assert sale.data["buyer"]["insurer_uscc"] == INSURER
    assert len(sale.data["motor_nos"]) > 1
