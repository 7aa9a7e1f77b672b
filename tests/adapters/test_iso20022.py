"""Business messages after ISO 20022: what is written is read again, and whatever comes is an answer or none."""

from __future__ import annotations

import re
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import replies
from adapters.bank import ADAPTER
from adapters.bindings import xml
from adapters.bindings.iso20022 import ISO20022, NAMESPACE, US
from adapters.errors import AgencyError, BrokenAnswer
from adapters.fixtures import KEY, Case, cases
from adapters.spec import UNREADABLE, Endpoint, Reply, Sent

BANK = "bank-91110000MAT57WXL1C"
AT = datetime(2026, 3, 1, 1, 30, tzinfo=UTC)
CASES = cases(ADAPTER)

_NAMES = st.from_regex(r"[A-Z][A-Za-z]{0,8}", fullmatch=True)
_TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xD7FF), max_size=20)
_BODIES = st.dictionaries(
    _NAMES,
    st.recursive(_TEXTS, lambda inner: st.dictionaries(_NAMES, inner, min_size=1, max_size=4), max_leaves=8),
    min_size=1,
    max_size=1,
).filter(lambda body: not {"RctAck", "MsgRjct"} & body.keys())
_OF = {"RctAck": "tcal.090.001.01", "MsgRjct": "tcal.091.001.01", "CarLnDcsn": "tcal.002.001.01"}
_DEFINITIONS = st.from_regex(r"tcal\.[0-9]{3}\.001\.[0-9]{2}", fullmatch=True).filter(
    lambda definition: definition not in _OF.values()
)


def _written(body: Any, definition: str = "tcal.001.001.01", key: str | None = KEY) -> bytes:
    return ISO20022.written(Endpoint("POST", "/messages", action=definition), body, Sent(BANK, AT, key)).raw


def _to_us(body: Any, definition: str = "tcal.001.001.01") -> bytes:
    """A message of the bank's: as ours, the other way round."""
    us, bank = US.encode(), BANK.removeprefix("bank-").encode()
    return re.sub(us + b"|" + bank, lambda one: bank if one[0] == us else us, _written(body, definition))


def _answering(raw: bytes, key: str) -> bytes:
    """The same as the answer to a message."""
    return raw.replace(b"</AppHdr>", f"<Rltd><BizMsgIdr>{key}</BizMsgIdr></Rltd></AppHdr>".encode())


@settings(max_examples=25)
@given(body=_BODIES, definition=_DEFINITIONS)
def test_what_is_written_is_read_again(body: dict[str, Any], definition: str) -> None:
    """Whatever stands in the document; and what it answers, once it says that."""
    raw = _to_us(body, definition)
    assert (ISO20022.read(200, {}, raw).body, ISO20022.read(200, {}, raw).about) == (body, None)
    answer = ISO20022.read(200, {"X-A": "1"}, _answering(raw, KEY))
    assert answer == Reply(200, body, {"x-a": "1"}, KEY, definition, BANK.removeprefix("bank-"))


def test_the_header_says_from_whom_to_whom_and_what() -> None:
    """The bank by the code that ends its id, us by ours, our key as the message's own identifier."""
    header = xml.read(_written({"A": "1"}))["BizMsg"]["AppHdr"]
    ids = [header[side]["OrgId"]["Id"]["OrgId"]["Othr"]["Id"] for side in ("Fr", "To")]
    assert ids == ["91310115MATNGCHE3G", "91110000MAT57WXL1C"]
    assert (header["BizMsgIdr"], header["MsgDefIdr"]) == (KEY, "tcal.001.001.01")
    assert header["CreDt"] == "2026-03-01T01:30:00.000+00:00"


@pytest.mark.parametrize(
    ("status", "body", "means"),
    [
        (200, {"RctAck": {"ReqHdlg": {"StsCd": "RCVD"}}}, 202),
        (202, {"RctAck": {"ReqHdlg": {"StsCd": "PDNG"}}}, 202),
        (200, {"MsgRjct": {"Rsn": {"RjctgPtyRsn": "B0422"}}}, 422),
        (202, {"MsgRjct": {"Rsn": {"RjctgPtyRsn": "B0422"}}}, 422),
        (202, {"CarLnDcsn": {"VIN": "X"}}, 200),
        (503, {"RctAck": {}}, 503),
        (401, {"MsgRjct": {"Rsn": {"RjctgPtyRsn": "B0401"}}}, 401),
    ],
    ids=str,
)
def test_the_document_says_what_an_answer_is(status: int, body: dict[str, Any], means: int) -> None:
    """And not HTTP, unless that says that nobody answered."""
    assert ISO20022.read(status, {}, _to_us(body, _OF[next(iter(body))])).status == means


@pytest.mark.parametrize("raw", [b"", b"accepted", b"<BizMsg/>", _to_us({"A": "1"})[:-9]], ids=repr)
def test_what_http_accepts_without_a_receipt_is_none(raw: bytes) -> None:
    """Nobody has said that the message is there: it would be waited for until its time is over."""
    got = ISO20022.read(202, {}, raw)
    assert (got.status, got.body) == (200, UNREADABLE)


def test_what_is_addressed_to_somebody_else_says_nothing_to_us() -> None:
    """However well it is sealed: not our own message come back, and not one to another broker."""
    answer = _answering(_to_us({"CarLnDcsn": {"VIN": "X"}}), KEY)
    assert ISO20022.read(200, {}, answer).about == KEY
    for other in (_answering(_written({"CarLnDcsn": {"VIN": "X"}}), KEY), answer.replace(US.encode(), b"x")):
        assert ISO20022.read(200, {}, other) == Reply(200, UNREADABLE)


def test_a_document_is_of_the_definition_that_its_header_names() -> None:
    """Another's is none, nor is a definition that is a path, or a namespace of its own."""
    raw = _to_us({"A": "1"})
    assert ISO20022.read(200, {}, raw).body == {"A": "1"}
    for other in ("tcal.002.001.01", "*", "}x", "", "tcal.001.001.01}Document/{x"):
        spoilt = raw.replace(b"<MsgDefIdr>tcal.001.001.01<", f"<MsgDefIdr>{other}<".encode())
        assert ISO20022.read(200, {}, spoilt).body is UNREADABLE
    assert ISO20022.read(200, {}, raw.replace(NAMESPACE.encode(), b"urn:x")).body is UNREADABLE


_ACK = {"RctAck": {"ReqHdlg": {"StsCd": "RCVD"}}}
_NO = {"MsgRjct": {"Rsn": {"RjctgPtyRsn": "B0422"}}}
_YES = next(case for case in CASES if case.file == "loan-apply").reply().body


@pytest.mark.parametrize(
    "raw",
    [
        _to_us(_YES | _NO, "tcal.002.001.01"),
        _to_us(_YES | _ACK, "tcal.002.001.01"),
        _to_us(_ACK | _NO, "tcal.091.001.01"),
        _to_us({"CarLnDcsn": [_YES["CarLnDcsn"]] * 2}, "tcal.002.001.01"),
        _to_us({}, "tcal.002.001.01"),
        _to_us(_NO, "tcal.002.001.01"),
        _to_us(_ACK, "tcal.091.001.01"),
        _to_us(_YES, "tcal.090.001.01"),
        _to_us(_YES, "tcal.002.001.01").replace(b"<CarLnDcsn>", b'<CarLnDcsn xmlns="urn:another">'),
        _to_us(_YES, "tcal.002.001.01").replace(b"<Dcsn>", b'<Dcsn xmlns="urn:another">'),
        _to_us(_YES, ""),
    ],
    ids=[
        "a decision and a rejection",
        "a decision and a receipt",
        "a receipt and a rejection",
        "two decisions",
        "nothing",
        "a rejection under the definition of an answer",
        "a receipt under that of a rejection",
        "a decision under that of a receipt",
        "a decision of another namespace",
        "half of it of another namespace",
        "no definition",
    ],
)
def test_a_document_holds_one_element_of_its_own_definition(raw: bytes) -> None:
    """What says two things says nothing, and so does what borrows a name."""
    assert ISO20022.read(200, {}, raw) == Reply(200, UNREADABLE)


@pytest.mark.parametrize(
    "definition", ["tcal.777.001.01", "tcal.002.001.99", "tcal.001.001.01", "tcal.004.001.01", "002"]
)
def test_an_answer_is_of_the_definition_that_its_operation_names(definition: str) -> None:
    """A decision under any other is none: a request's, the next operation's, another version's, one of nobody's."""
    case = next(case for case in CASES if case.file == "loan-apply")
    for name, reads in (("tcal.002.001.01", True), (definition, False)):
        got = ISO20022.read(200, {}, _to_us(_YES, name))
        assert replies.decides(ADAPTER, got) is reads
        with nullcontext() if reads else pytest.raises(BrokenAnswer, match="^definition$"):
            replies.answer(ADAPTER, case.operation, case.told(), got)


def test_an_answer_is_the_organisations_own() -> None:
    """Who sends it is said as we say to whom: by another code, or nested in another way, it is somebody else's."""
    raw = _answering(_to_us(_YES, "tcal.002.001.01"), KEY)
    own = BANK.removeprefix("bank-").encode()
    assert replies.ours(ISO20022.read(200, {}, raw), BANK, KEY).sender == own.decode()
    begin, end = raw.index(b"<Fr>"), raw.index(b"</Fr>")
    for sender in (raw[begin:end].replace(own, b"91110000MAU5K2AT1X"), b"<Fr>" + own, b"<Fr>"):
        spoilt = ISO20022.read(200, {}, raw[:begin] + sender + raw[end:])
        with pytest.raises(BrokenAnswer):
            replies.ours(spoilt, BANK, KEY)
    with pytest.raises(BrokenAnswer, match="about-another"):
        replies.ours(ISO20022.read(200, {}, raw), BANK, KEY + ".r2")


@given(raw=st.binary(max_size=200), status=st.integers(100, 599))
def test_any_bytes_are_an_answer_or_none(raw: bytes, status: int) -> None:
    """Nothing that a bank sends breaks the reading of it, or is taken for a receipt."""
    got = ISO20022.read(status, {}, raw)
    assert got.body is UNREADABLE
    assert got.status == (200 if 200 <= status < 300 else status)


@pytest.mark.parametrize("case", CASES, ids=str)
@settings(max_examples=15)
@given(data=st.data())
def test_a_broken_message_is_an_event_or_a_named_failure(case: Case, data: st.DataObject) -> None:
    """Bytes lost, doubled, or put in anywhere: the mapping never fails in a way that has no name."""
    raw = case.answer()
    begin, end = sorted(data.draw(st.tuples(*[st.integers(0, len(raw))] * 2)))
    between = data.draw(st.binary(max_size=12) | st.just(raw[begin:end] * 2))
    got = ISO20022.read(case.fixture["response"]["status"], {}, raw[:begin] + between + raw[end:])
    with suppress(AgencyError):
        replies.answer(ADAPTER, case.operation, case.told(), got)
