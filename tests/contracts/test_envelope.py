"""The envelope: what is written is read back, and what is not ours is refused with a reason that tells nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.contract import Contract
from contracts.envelope import Envelope, Headers, Message, Undecodable, decode, encode, envelope_of, message
from contracts.fields import grade_of
from contracts.refusal import AgencyRefusedV1
from contracts.registry import contract_of
from contracts.sale import SALE_CONFIRMED, SaleCancelledV1, SaleConfirmedV1, SaleConfirmedV2, SaleConfirmedV3
from tests.contracts.sales import moments, sales_v1, sales_v2

TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET: Final = "15487604561"
REQUIRED: Final = ("id", "source", "type", "subject", "time", "dataschema")

_words: Final = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def cancelled(**attributes: Any) -> Message[Contract]:
    """A small message with every attribute that matters."""
    data = SaleCancelledV1(vin="LZZTEST05TA000001", reason="客户退车")
    told: dict[str, Any] = {
        "id": "m-1",
        "source": "urn:test",
        "subject": "c-1",
        "time": datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC),
    }
    return message(data, **told | attributes)


def replaced(headers: Headers, **values: bytes | None) -> list[tuple[str, bytes | None]]:
    """Headers with some values of others; names are CloudEvents attributes."""
    told = {f"ce_{name}": value for name, value in values.items()}
    return [(name, told.get(name, value)) for name, value in headers]


def refusal(headers: Any, value: bytes | None) -> str:
    """Why these bytes are no message."""
    with pytest.raises(Undecodable) as caught:
        decode(headers, value)
    assert str(caught.value) == caught.value.reason
    return caught.value.reason


_attributes: Final = st.fixed_dictionaries(
    {"id": _words, "source": _words, "subject": _words, "time": moments()},
    optional={"sourceid": _words, "purpose": _words, "policypacks": _words},
)


def outcome(headers: Any, value: bytes) -> str:
    """What became of bytes that may or may not be a message."""
    try:
        return str(decode(headers, value).envelope.type)
    except Undecodable as wrong:
        return wrong.reason


@given(sales_v1() | sales_v2(), _attributes)
def test_what_is_encoded_is_decoded(data: Contract, attributes: dict[str, Any]) -> None:
    """Every attribute comes back, the time in milliseconds of UTC, the data in its newest version."""
    said = message(data, traceparent=TRACE, **attributes)
    headers, value = encode(said)
    assert len({name for name, _ in headers}) == len(headers)
    heard = decode(headers, value)
    assert heard.data == SALE_CONFIRMED.up(contract_of(data)[1], data)
    time = said.envelope.time
    assert heard.envelope.time == time.astimezone(UTC).replace(microsecond=time.microsecond // 1000 * 1000)
    assert _timeless(heard.envelope) == _timeless(said.envelope)


def _timeless(envelope: Envelope) -> dict[str, Any]:
    return {name: value for name, value in envelope._asdict().items() if name != "time"}


@given(moments())
def test_times_are_written_in_milliseconds(time: datetime) -> None:
    """RFC 3339, in UTC, three digits, Z."""
    text = dict(encode(cancelled(time=time))[0])["ce_time"].decode()
    assert len(text) == len("2026-05-04T03:02:01.000Z")
    assert text.endswith("Z")


def test_what_is_kafka_s_binary_binding_is_kept() -> None:
    """The content type and the version of the specification are there as the binding wants them."""
    headers = dict(encode(cancelled())[0])
    assert headers["content-type"] == b"application/json"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"tongche.sale.cancelled.v1"
    assert headers["ce_dataschema"] == b"urn:tongche:schema:tongche.sale.cancelled.v1"


def test_an_answer_names_its_cause_and_goes_on_with_its_trace() -> None:
    """Causation, correlation, trace and whom it concerns follow from the message that is answered."""
    cause = cancelled(traceparent=TRACE, concerns="region=310115").envelope
    data = AgencyRefusedV1(vin="LZZTEST05TA000001", organisation="tax", command="tax.pay", code="T422", reason="不符")
    answer = message(data, id="m-2", source="urn:t", subject="c-1", time=cause.time, cause=cause).envelope
    assert (answer.causationid, answer.correlationid, answer.traceparent) == ("m-1", "c-1", TRACE)
    assert answer.dataclassification == grade_of(AgencyRefusedV1)
    assert answer.concerns == "region=310115"


@given(sales_v1())
def test_an_old_version_is_written_as_it_is(old: SaleConfirmedV1) -> None:
    """The type says v1 and the value is v1; only the reader lifts it."""
    headers, value = encode(message(old, id="1", source="s", subject="c", time=datetime(2026, 5, 4, tzinfo=UTC)))
    assert dict(headers)["ce_type"] == b"tongche.sale.confirmed.v1"
    assert json.loads(value)["price"] == old.price
    assert isinstance(decode(headers, value).data, SaleConfirmedV3)


@pytest.mark.parametrize("attribute", REQUIRED)
def test_a_missing_attribute_is_named(attribute: str) -> None:
    """Absent and empty are the same: the reason says which."""
    headers, value = encode(cancelled())
    assert (
        refusal([(name, text) for name, text in headers if name != f"ce_{attribute}"], value) == f"missing:{attribute}"
    )
    assert refusal(replaced(headers, **{attribute: b""}), value) == f"missing:{attribute}"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"specversion": b"0.3"}, "not-cloudevents-1.0"),
        ({"type": b"tongche.sale.imagined.v1"}, "unknown-type"),
        ({"type": b"tongche.sale.cancelled.v2"}, "unknown-type"),
        ({"type": b"com.example.sale"}, "unknown-type"),
        ({"time": b"2026-05-04T03:02:01"}, "time-not-aware"),
        ({"time": b"2026-05-04"}, "time-not-aware"),
        ({"time": b"yesterday"}, "time-not-rfc3339"),
        ({"source": b"\xff\xfe"}, "header-not-utf8"),
        ({"source": None}, "header-null"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_header_that_is_not_ours_is_refused(values: dict[str, bytes | None], reason: str) -> None:
    """Wrong, future and foreign versions, and headers that are no text: each has its reason."""
    headers, value = encode(cancelled())
    assert refusal(replaced(headers, **values), value) == reason


def test_no_headers_at_all_is_no_cloudevent() -> None:
    """Foreign records have none of ours."""
    assert refusal((), b"{}") == "not-cloudevents-1.0"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no-value"),
        (b"", "contract::json_invalid"),
        (b"\xff\xfe", "contract::json_invalid"),
        (b"[" * 100_000, "contract::json_invalid"),
        (b"null", "contract::model_type"),
        (b'{"vin":"LZZTEST05TA000001","reason":"\\ud800"}', "contract::json_invalid"),
        (b'{"vin":"LZZTEST05TA000001"}', "contract:reason:missing"),
        (b'{"vin":"LZZTEST06TA000001","reason":"x"}', "contract:vin:vin"),
        (b'{"vin":"LZZTEST05TA000001","reason":"x","15487604561":1}', "contract::extra_forbidden"),
    ],
)
def test_a_value_that_breaks_its_contract_is_refused(value: bytes | None, reason: str) -> None:
    """The reason says where and which rule, by our words; a sender's own field names are not told."""
    headers, _ = encode(cancelled())
    assert refusal(headers, value) == reason


def test_a_name_in_the_data_is_not_told() -> None:
    """Where names are the sender's, as in a span's attributes, the reason stops before them."""
    span = {"trace_id": "0" * 32, "span_id": "0" * 16, "name": "x", "kind": "server", "service": "x"}
    value = {"spans": [{**span, "start_ns": 1, "end_ns": 2, "attributes": {SECRET: []}}]}
    headers = replaced(encode(cancelled())[0], type=b"tongche.telemetry.spans.v1")
    reason = refusal(headers, json.dumps(value).encode())
    assert reason == "contract:spans.0.attributes:bool_type"


@given(sales_v2(), st.data())
def test_no_reason_carries_a_value(sale: SaleConfirmedV2, data: st.DataObject) -> None:
    """Wherever a number that could be somebody's is put, the reason does not have it."""
    headers, value = encode(message(sale, id="1", source="s", subject="c", time=datetime(2026, 5, 4, tzinfo=UTC)))
    raw = json.loads(value)
    place = data.draw(st.sampled_from([raw, *(part for part in raw.values() if isinstance(part, dict))]))
    place[data.draw(st.sampled_from(sorted(place)) | st.just(SECRET))] = data.draw(
        st.sampled_from([SECRET * 30, [SECRET], {SECRET: SECRET}, int(SECRET) * 10**9, None])
    )
    assert SECRET not in outcome(headers, json.dumps(raw).encode())


@given(st.binary(), st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=20)), max_size=8))
def test_anything_else_is_undecodable_and_nothing_worse(value: bytes, headers: list[tuple[str, bytes | None]]) -> None:
    """No bytes bring a reader down: the one error is `Undecodable`."""
    ours = encode(cancelled())[0]
    for told in (headers, [*ours, *headers]):
        assert outcome(told, value)


def test_the_attributes_can_be_read_alone() -> None:
    """A reader that routes need not parse the data."""
    said = cancelled(traceparent=TRACE, sourceid="A-1")
    assert envelope_of(encode(said)[0]) == said.envelope
