"""Documents put down as files: what is written is read again, and whatever lies there is a receipt or none."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import replies
from adapters.bindings import xml
from adapters.bindings.files import CODE, FILE, RECEIPT
from adapters.customs import ADAPTER
from adapters.errors import AgencyError
from adapters.fixtures import KEY, Case, cases
from adapters.spec import UNREADABLE, Endpoint, Sent

FILES = ADAPTER.binding
PUT = ADAPTER.operations["export.declare"].endpoint
FETCH = Endpoint("GET", PUT.path, action=PUT.action)
AT = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
NAMESPACE = "urn:sample:single-window:dec"
CASES = [case for case in cases(ADAPTER) if case.fixture["response"].get("text")]

# No receipt holds another: cut off after that it would look whole.
_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True).filter(lambda name: name != "DecReceipt")
_TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xD7FF), max_size=20)
_BODIES = st.dictionaries(
    _NAMES,
    st.recursive(_TEXTS, lambda inner: st.dictionaries(_NAMES, inner, min_size=1, max_size=4), max_leaves=8),
    min_size=1,
    max_size=5,
)


def receipt(body: Any, about: Any = KEY, encoding: xml.Encoding = "UTF-8") -> bytes:
    """One that customs could put down."""
    head = {"MessageId": "HZ-1", "MessageType": "DEC09", "RefMessageId": about, "SendTime": "20260302100000"}
    return xml.written(xml.element("DecReceipt", {"MessageHead": head, "MessageBody": body}, NAMESPACE), encoding)


@settings(max_examples=25)
@given(body=_BODIES)
def test_what_is_put_down_is_what_was_mapped(body: dict[str, Any]) -> None:
    """Under a head that says what it is, from whom and when; the file is called after our key."""
    letter = FILES.written(PUT, body, Sent("customs", AT, KEY))
    told = xml.read(letter.raw)["DecMessage"]
    assert told["MessageBody"] == body
    assert told["MessageHead"] == {
        "MessageId": KEY,
        "MessageType": "DEC01",
        "SenderCode": "91440300MATCHE01X5",
        "SendTime": "20260301093000",
    }
    assert (letter.headers[FILE], letter.headers[RECEIPT]) == (f"DEC01_{KEY}.xml", f"{KEY}.xml")


@settings(max_examples=25)
@given(body=_BODIES, encoding=st.sampled_from(["UTF-8", "GB18030"]))
def test_what_customs_write_is_read_again(body: dict[str, Any], encoding: xml.Encoding) -> None:
    """In either encoding, with a mark before it or lines after it, and it says what it answers."""
    raw = receipt(body, encoding=encoding)
    for written in (raw, b"\xef\xbb\xbf" + raw, raw + b"\r\n", b"\n" + raw):
        got = FILES.read(200, {}, written)
        assert (got.status, got.body, got.about) == (200, body, KEY)


def test_the_names_of_a_question_are_those_of_what_it_asks_about() -> None:
    """It has no bytes of its own; without a number nothing can be named."""
    letter = FILES.written(FETCH, {"MessageId": "k9"}, Sent("customs", AT, None))
    assert (letter.raw, letter.headers) == (b"", {FILE: "DEC01_k9.xml", RECEIPT: "k9.xml"})
    with pytest.raises(ValueError, match="a file has a name"):
        FILES.written(PUT, {}, Sent("customs", AT, None))


@settings(max_examples=25)
@given(body=_BODIES, cut=st.floats(0, 1, exclude_max=True))
def test_a_receipt_that_is_still_being_written_is_not_there_yet(body: dict[str, Any], cut: float) -> None:
    """However much of it is missing: it is fetched again, and never read in part."""
    raw = receipt(body)
    got = FILES.read(200, {}, raw[: int(len(raw) * cut)])
    assert (got.status, got.body) == (202, {})


@pytest.mark.parametrize(
    "raw",
    [
        receipt({"a": "1"}, about=""),
        receipt({"a": "1"}, about=None),
        receipt({"a": "1"}, about={"b": "1"}),
        receipt("text alone"),
        receipt({"a": "1"}).replace(b"DecReceipt", b"DecMessage"),
        receipt({"a": "1"}).replace(NAMESPACE.encode(), b"urn:x"),
        receipt({"a": "1"}).replace(b"<DecReceipt", b"<!DOCTYPE a><DecReceipt"),
        receipt({"a": "1"}).replace(b"<MessageBody>", b"<MessageBody></MessageBody><MessageBody>"),
        b'{"returnCode": "HG000"}',
        b"<html><body>busy</body></html>",
    ],
    ids=["about nothing", "no reference", "a reference of parts", "text", "a message", "namespace", "DTD", "two bodies",
         "JSON", "a page"],
)  # fmt: skip
def test_what_is_no_receipt_is_unreadable(raw: bytes) -> None:
    """It lies there whole, and says nothing that anybody may act upon."""
    assert FILES.read(200, {}, raw).body is UNREADABLE


def test_where_there_is_no_trace_the_agencys_own_code_stands() -> None:
    """Nothing put down is what it does not know; what was taken in has no body yet."""
    assert FILES.read(404, {}, b"").body == {CODE: "HG404"}
    assert (FILES.read(202, {}, b"").status, FILES.read(202, {}, b"").body) == (202, {})


@given(raw=st.binary(max_size=200), status=st.sampled_from([200, 202, 404, 500, 503]))
def test_any_bytes_are_a_receipt_or_none(raw: bytes, status: int) -> None:
    """Nothing that lies there breaks the reading of it, and noise is no receipt."""
    got = FILES.read(status, {}, raw)
    assert got.about is None
    assert got.status == status or (status, got.status) == (200, 202)


@pytest.mark.parametrize("case", CASES, ids=str)
@settings(max_examples=15)
@given(data=st.data())
def test_a_broken_receipt_is_an_event_or_a_named_failure(case: Case, data: st.DataObject) -> None:
    """Bytes lost, doubled, or put in anywhere: the mapping never fails in a way that has no name."""
    raw = case.answer()
    begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(raw))] * 2)))
    between = data.draw(st.binary(max_size=12) | st.just(raw[begin:end] * 2))
    got = FILES.read(200, {}, raw[:begin] + between + raw[end:])
    with suppress(AgencyError):
        replies.answer(ADAPTER, case.operation, case.told(), got)
