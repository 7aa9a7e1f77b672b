"""Envelopes that are sealed whole: what decides a matter stands in them, and nobody's answer is taken for another's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bindings.signed_rest import RESULT, SIGNED_REST
from adapters.spec import UNREADABLE, Endpoint, Sent

PAY = Endpoint("POST", "/gouzhishui/jiaokuan")
AT = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)

_matters = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


def _written(body: Any, key: str | None = "key-1", organisation: str = "tax") -> Any:
    return json.loads(SIGNED_REST.written(PAY, body, Sent(organisation, AT, key)).raw)


def test_an_envelope_says_for_whom_and_for_what_it_is() -> None:
    """A seal covers the body alone: sealed words must do for no other office, service or number."""
    assert _written({"cheJiaHao": "X"}) == {
        "baoWenTou": {
            "jieShouFang": "tax",
            "fuWu": "/gouzhishui/jiaokuan",
            "faSongShiJian": "2026-03-01 09:30:00",
            "liuShuiHao": "key-1",
        },
        "yeWuShuJu": {"cheJiaHao": "X"},
    }


def test_a_question_has_no_serial_number_of_its_own() -> None:
    """Under that of the deed it asks about it could be taken for the deed."""
    assert "liuShuiHao" not in _written({}, key=None)["baoWenTou"]


@given(matter=_matters, serial=st.text(min_size=1, max_size=40), code=st.text(max_size=8))
def test_what_an_office_writes_is_read_again(matter: dict[str, Any], serial: str, code: str) -> None:
    """The matter as it is, the result beside it, and about which request it is."""
    told = {"liuShuiHao": serial, "shouLiHao": "SL1", "jieGuoMa": code, "jieGuoXinXi": "成功", "yeWuShuJu": matter}
    reply = SIGNED_REST.read(200, {"Retry-After": "3"}, json.dumps(told).encode())
    assert (reply.body, reply.about) == ({**matter, RESULT: code}, serial)
    assert reply.headers == {"retry-after": "3"}


@given(matter=_matters)
def test_what_we_write_goes_out_as_it_was_mapped(matter: dict[str, Any]) -> None:
    """In its place of the envelope, whatever it holds."""
    assert _written(matter)["yeWuShuJu"] == matter


def test_the_result_is_the_envelopes() -> None:
    """A matter that says one of its own does not turn a no into a yes."""
    told = {"jieGuoMa": "SW4221", "yeWuShuJu": {"jieGuoMa": "SW0000"}}
    assert SIGNED_REST.read(200, {}, json.dumps(told).encode()).body == {"jieGuoMa": "SW4221"}


@pytest.mark.parametrize(
    "told",
    [{}, {"yeWuShuJu": {"cheJiaHao": "X"}}, {"jieGuoMa": 0}, {"jieGuoMa": None, "liuShuiHao": "k"}, [], "SW0000", None],
    ids=repr,
)
def test_an_answer_without_a_result_is_none(told: Any) -> None:
    """However well formed: where a code tells, and not the status, its absence is no yes."""
    assert SIGNED_REST.read(200, {}, json.dumps(told).encode()).body is UNREADABLE


@pytest.mark.parametrize("serial", [None, 7, "", ["k"], {}], ids=repr)
def test_a_serial_number_that_is_none_says_nothing(serial: Any) -> None:
    """Then the answer is about whatever was asked."""
    told = {"liuShuiHao": serial, "jieGuoMa": "SW0000"}
    assert SIGNED_REST.read(200, {}, json.dumps(told).encode()).about is None


@given(raw=st.binary(max_size=64))
def test_any_bytes_are_an_answer_or_none(raw: bytes) -> None:
    """Nothing that an office sends breaks the reading of it."""
    assert SIGNED_REST.read(200, {}, raw).status == 200
