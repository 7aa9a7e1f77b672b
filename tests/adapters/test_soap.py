"""SOAP of the traffic police: what is written can be read, and what is read is believed only as far as it says."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters import replies
from adapters.bindings.soap import Soap
from adapters.errors import AgencyError, Ambiguous, BrokenAnswer, NotYet, Refused, Unavailable
from adapters.police import ADAPTER
from adapters.reading import CHINA
from adapters.spec import UNREADABLE, Endpoint, Reply, Sent
from contracts.police import PlateReleaseV1
from tests.envelopes import heard

SOAP: Final = Soap("SERIAL")
WRITES: Final = Endpoint("POST", "/services/Access", action="01W02")
ASKS: Final = Endpoint("POST", "/services/Access", action="01Q01")
AT: Final = datetime(2026, 3, 1, 9, 30, tzinfo=CHINA)
ENVELOPE: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"
PLATFORM: Final = "{http://endpoint.axis.framework.tmri.com}"
RELEASE: Final = PlateReleaseV1(vin="LZZTEST05TA000001", reservation_no="R-1", reason="退车")
DOCUMENT: Final = (
    "<root><head><code>1</code></head><body><veh><clsbdh>{vin}</clsbdh><yllsh>R-1</yllsh></veh></body></root>"
)
DONE: Final = DOCUMENT.format(vin=RELEASE.vin)

_NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True).filter(lambda name: name != "head")
_TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xD7FF), max_size=20)
_RECORDS = st.dictionaries(_NAMES, _TEXTS, min_size=1, max_size=4)


def returned(text: str, function: str = "writeObjectOut", encoding: str = "UTF-8") -> bytes:
    """An envelope with what a function returned."""
    told = f"<{function}Return>{escape(text)}</{function}Return>"
    return enveloped(f'<r:{function}Response xmlns:r="urn:their-own">{told}</r:{function}Response>', encoding)


def enveloped(content: str, encoding: str = "UTF-8") -> bytes:
    """Anything in an envelope."""
    envelope = (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{content}</s:Body></s:Envelope>'
    )
    return f'<?xml version="1.0" encoding="{encoding}"?>{envelope}'.encode(encoding)


def fault(code: str, detail: str = "") -> bytes:
    """A fault as Axis has it."""
    return enveloped(
        f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>?</faultstring><detail>{detail}</detail></s:Fault>"
    )


def means(reply: Reply) -> AgencyError | None:
    """What an answer to a release comes to; None if that is the event."""
    operation = ADAPTER.operations["plate.release"]
    try:
        replies.answer(ADAPTER, operation, RELEASE, reply)
    except AgencyError as wrong:
        return wrong
    return None


@pytest.mark.parametrize(
    ("endpoint", "function", "parameter", "record"),
    [(WRITES, "writeObjectOut", "WriteXmlDoc", "veh"), (ASKS, "queryObjectOut", "QueryXmlDoc", "QueryCondition")],
    ids=["writes", "asks"],
)
def test_a_request_says_who_wants_what(endpoint: Endpoint, function: str, parameter: str, record: str) -> None:
    """The function, the class of the system, the caller, the id, and the document with our key in its head."""
    letter = SOAP.written(endpoint, {"clsbdh": "V"}, Sent("police", AT, "key-1"))
    (call,) = etree.fromstring(letter.raw)[0]
    assert call.tag == PLATFORM + function
    told = {one.tag: one.text for one in call}
    document = told.pop(parameter)
    assert told == {"xtlb": "01", "jkxlh": "SERIAL", "jkid": endpoint.action}
    root = etree.fromstring((document or "").encode("ascii"))
    assert root.findtext("head/ywlsh") == "key-1"
    assert root.findtext(f"{record}/clsbdh") == "V"
    assert letter.headers["SOAPAction"] == '""'


def test_the_caller_is_known_by_what_was_granted() -> None:
    """Where an installation has it on record; without it by what simulators know, as before there was a record."""
    granted = SOAP.written(WRITES, {}, Sent("police", AT, "key-1", "4A-GRANTED.1")).raw
    assert b"<jkxlh>4A-GRANTED.1</jkxlh>" in granted
    assert b"<jkxlh>SERIAL</jkxlh>" in SOAP.written(WRITES, {}, Sent("police", AT, "key-1", None)).raw


def test_a_question_without_a_key_has_no_head() -> None:
    """There is nothing to be known again by."""
    assert b"ywlsh" not in SOAP.written(ASKS, {"clsbdh": "V"}, Sent("police", AT, None)).raw


@given(record=_RECORDS)
def test_what_is_written_is_read_by_others(record: dict[str, str]) -> None:
    """Whatever characters there are, also such as would end what they stand in."""
    assert heard(SOAP.written(WRITES, record, Sent("police", AT, "]]>&<")).raw) == record


@given(
    record=_RECORDS,
    declared=st.sampled_from(["", "UTF-8", "GBK", "gb2312", "GB18030"]),
    envelope=st.sampled_from(["UTF-8", "GB18030"]),
    quoted=st.sampled_from(["not", "whole", "each"]),
)
def test_a_record_is_read_however_it_is_written(
    record: dict[str, str], declared: str, envelope: str, quoted: str
) -> None:
    """Any encoding declared inside any other; URL-encoded as a whole, each value by itself, or not at all."""
    # One that is not encoded has no reason for a sign of encoding.
    meant = record if quoted == "each" else {name: value.replace("%", "") for name, value in record.items()}
    written = {name: quote(value, safe="") if quoted == "each" else value for name, value in meant.items()}
    fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in written.items())
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    document = f"{declaration}<root><head><code>1</code></head><body><veh id='0'>{fields}</veh></body></root>"
    text = quote_plus(document) if quoted == "whole" else document
    got = SOAP.read(200, {}, returned(text, encoding=envelope))
    assert (got.status, got.body) == (200, {**meant, "head": {"code": "1"}})


def test_the_newest_characters_survive_an_old_platform() -> None:
    """It decoded GB 18030 by the standard of 2005, and sent the character of private use on in UTF-8."""
    document = '<?xml version="1.0" encoding="GBK"?>' + DONE.replace("R-1", "\ue81e")
    assert SOAP.read(200, {}, returned(document)).body["yllsh"] == "\u9fb4"
    assert SOAP.read(200, {}, returned(quote_plus(document))).body["yllsh"] == "\u9fb4"


def test_what_only_http_declares_is_read_by_that() -> None:
    """Some servers leave the declaration out."""
    raw = returned(DONE.replace("R-1", "京A12345"), encoding="GBK").partition(b"?>")[2]
    assert SOAP.read(200, {"Content-Type": "text/xml; charset=GBK"}, raw).body["yllsh"] == "京A12345"
    assert SOAP.read(200, {"Content-Type": "text/xml"}, raw).body is UNREADABLE


def test_a_value_with_signs_that_no_url_has_is_not_encoded() -> None:
    """A share of something stays one."""
    assert SOAP.read(200, {}, returned(DONE.replace("R-1", "%41 的车"))).body["yllsh"] == "%41 的车"


@pytest.mark.parametrize(
    ("status", "raw", "meant"),
    [
        (200, returned(DONE), None),
        (200, returned(DONE, "queryObjectOut"), None),
        (200, returned(DONE.replace("<code>1", "<code>-1412")), Refused),
        (200, returned(DONE.replace("<code>1", "<code>-1404")), NotYet),
        (200, returned(DONE.replace("<code>1", "<code>-403")), Unavailable),
        (200, returned(DONE.replace("<code>1", "<code>-408")), NotYet),
        (200, returned(DONE.replace("<code>1", "<code>0")), BrokenAnswer),
        (200, returned(DONE.replace("<code>1</code>", "")), BrokenAnswer),
        (200, returned(DONE.replace("<code>1", "<code>$E01")), Ambiguous),
        (200, returned("$E: 网络异常"), Ambiguous),
        (500, fault("Server.userException"), Ambiguous),
        (200, fault("Server"), Ambiguous),
        (500, fault("Server", "<code>-1412</code>"), Ambiguous),
        (500, fault("Client"), BrokenAnswer),
        (500, fault("Client", "<x><code>-1412</code></x>"), Refused),
        (500, fault("SomethingElse"), Ambiguous),
        (500, enveloped("<s:Fault/>"), Ambiguous),
        (503, fault("Client"), Unavailable),
        (503, returned(DONE), Unavailable),
        (500, returned(DONE), Ambiguous),
        (500, returned(DONE.replace("<code>1", "<code>-1412")), Ambiguous),
        (404, b"<html/>", BrokenAnswer),
        (200, b"<html/>", BrokenAnswer),
        (200, enveloped(""), BrokenAnswer),
        (200, enveloped("<weather/>"), BrokenAnswer),
        (200, returned(""), BrokenAnswer),
        (200, returned("%3C%FF"), BrokenAnswer),
        (200, returned(DONE.replace("</body>", "<veh/></body>")), BrokenAnswer),
        (200, returned(DONE.replace("</body>", "<drv><xm>?</xm></drv></body>")), BrokenAnswer),
        (200, returned('<!DOCTYPE root [<!ENTITY a "1">]>' + DONE.replace("<code>1", "<code>&a;")), BrokenAnswer),
        (200, returned(quote_plus('<!DOCTYPE root [<!ENTITY a "1">]>' + DONE)), BrokenAnswer),
        (200, returned('<?xml version="1.0" encoding="UTF-7"?>' + DONE), BrokenAnswer),
        (200, returned("<root>" * 40 + "</root>" * 40), BrokenAnswer),
    ],
)
def test_an_answer_means_what_it_says_and_no_more(status: int, raw: bytes, meant: type[AgencyError] | None) -> None:
    """Only a document that calls itself done is a yes, and only a code of theirs a no; the rest may have happened."""
    got = means(SOAP.read(status, {}, raw))
    assert (got and type(got)) == meant


@given(raw=st.binary(max_size=200), status=st.sampled_from([200, 500, 503]))
def test_any_bytes_are_an_answer_of_some_kind(raw: bytes, status: int) -> None:
    """And never an exception."""
    assert SOAP.read(status, {"content-type": "text/xml; charset=gbk"}, raw).body is UNREADABLE


_XML = st.recursive(
    _TEXTS, lambda inner: st.dictionaries(st.sampled_from(["head", "code", "body", "veh", "x"]), inner, max_size=4)
)


@given(content=_XML, where=st.sampled_from(["root", "Fault"]))
def test_no_shape_of_a_document_breaks_the_reading(content: Any, where: str) -> None:
    """Elements where texts are expected, and the other way round."""
    text = f"<{where}>{_as_xml(content)}</{where}>"
    raw = returned(text) if where == "root" else enveloped(text)
    with suppress(AgencyError):
        replies.answer(ADAPTER, ADAPTER.operations["plate.release"], RELEASE, SOAP.read(200, {}, raw))


def _as_xml(content: Any) -> str:
    if isinstance(content, dict):
        return "".join(f"<{name}>{_as_xml(inner)}</{name}>" for name, inner in content.items())
    return escape(content)


def test_every_function_has_an_id_of_its_own_that_says_whether_it_only_asks() -> None:
    """Both sides of the platform go by that."""
    operations = ADAPTER.operations.values()
    assert len({one.endpoint.action for one in operations}) == len(operations)
    assert all((one.endpoint.action[2] == "Q") == one.question for one in operations)
    assert {one.endpoint.action[:2] for one in operations} == {"01"}
