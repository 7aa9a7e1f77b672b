"""SOAP 1.1 as the platform of the traffic police is reached: one address, two functions, a document as a text in each.

Modelled on public descriptions of the 公安交通管理综合应用平台: queryObjectOut asks and writeObjectOut changes
something, both with the class of the system (xtlb), the serial number granted to the caller (jkxlh), the id of what is
wanted (jkid) and the document; values are URL-encoded in UTF-8, and answers as a whole, whatever encoding the document
declares. An answer has a head with a code and a message, and a body with a record. Ours is that the head of a request
carries our key as `ywlsh`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Final, NamedTuple
from urllib.parse import quote_plus, unquote_plus

from adapters.bindings import xml
from adapters.bindings.xml import NotXml
from adapters.spec import UNREADABLE, Endpoint, Json, Letter, Reply, Sent, Style

_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<ns:{function} xmlns:ns="http://endpoint.axis.framework.tmri.com"'
    ' soapenv:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">'
    "<xtlb>{xtlb}</xtlb><jkxlh>{jkxlh}</jkxlh><jkid>{jkid}</jkid><{parameter}><![CDATA[{document}]]></{parameter}>"
    "</ns:{function}></soapenv:Body></soapenv:Envelope>"
)
_HEADERS: Final = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}
_ASKS: Final = "Q"
"""The third character of the ids of what only asks; see `Soap.written`."""
_RETURNED: Final = frozenset({"queryObjectOutResponse", "writeObjectOutResponse"})

_CHINESE: Final = re.compile(r"""\A<\?xml\s[^>]{0,100}?encoding\s*=\s*["'](?:gb|cp936)""", re.IGNORECASE)
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?(gbk|gb2312|gb18030|cp936)\b""", re.IGNORECASE)
_URL_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9.*_~+-]|%[0-9A-Fa-f]{2})*")
_SYSTEM_ERROR: Final = "$E"
"""Stands instead of a code, or of a document, where the platform itself failed: nobody can tell how far it went."""
_DONE: Final = "1"
_OURS: Final = frozenset({"Client", "MustUnderstand", "VersionMismatch"})
"""The codes of faults that are the caller's."""
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class _Function(NamedTuple):
    """A function of the platform: its name, its parameter for the document, the record's name in that."""

    name: str
    parameter: str
    record: str


_QUERY: Final = _Function("queryObjectOut", "QueryXmlDoc", "QueryCondition")
_WRITE: Final = _Function("writeObjectOut", "WriteXmlDoc", "veh")


@dataclass(frozen=True, slots=True)
class Soap:
    """`serial` is the serial number 接口序列号 under which we are known where none was granted: by a simulator.

    For which ids one is granted is the platform's to know.
    """

    style: ClassVar[Style] = Style("soap", "SOAP 1.1，XML 文档，数字代码", "SOAP 1.1, XML documents, numeric codes")

    serial: str

    def written(self, endpoint: Endpoint, body: Json, sent: Sent) -> Letter:
        """An endpoint's `action` is the id: the class of the system in two digits, Q asks or W writes, two digits."""
        function = _QUERY if endpoint.action[2:3] == _ASKS else _WRITE
        text = _ENVELOPE.format(
            function=function.name,
            xtlb=endpoint.action[:2],
            jkxlh=sent.granted or self.serial,
            jkid=endpoint.action,
            parameter=function.parameter,
            document=_document(function, body, sent.key),
        )
        return Letter(text.encode(), _HEADERS)

    def read(self, status: int, headers: Mapping[str, str], raw: bytes) -> Reply:
        """The record that came, and `head` beside its fields; of a fault the code in its detail, if it has one.

        `status` says in HTTP's numbers what HTTP's own does not: refusals come with 200, and every fault with 500,
        whosever it is.
        """
        headers = {name.lower(): value for name, value in headers.items()}
        try:
            said = _said(xml.read(_declared(raw, headers.get("content-type", ""))))
            fault = said.get("Fault")
            told = _of_document(_returned(said)) if fault is None else _of_fault(fault)
        except NotXml:
            return Reply(status, UNREADABLE, headers)
        tells = status == HTTPStatus.OK or (fault is not None and status not in _BUSY)
        return Reply(told.status if tells else status, told.body, headers)


class _Told(NamedTuple):
    """What was said, and the status that it means."""

    body: Json
    status: int


def _document(function: _Function, body: Json, key: str | None) -> str:
    head = {} if key is None else {"head": {"ywlsh": _encoded(key)}}
    root = xml.element("root", {**head, function.record: _encoded(body)})
    # URL-encoded as its values are it is ASCII, so nothing in it could end the CDATA that it stands in.
    return xml.written(root, "GB18030").decode("ascii")


def _encoded(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _encoded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_encoded(one) for one in value]
    return None if value is None else quote_plus(str(value), safe="*")


def _declared(raw: bytes, content_type: str) -> bytes:
    """The same, declared as HTTP says where it does not say so itself."""
    charset = _CHARSET.search(content_type)
    if charset is None or raw.lstrip()[:5] == b"<?xml":
        return raw
    return f'<?xml version="1.0" encoding="{charset[1]}"?>'.encode() + raw


def _said(envelope: Json) -> dict[str, Json]:
    match envelope:
        case {"Envelope": {"Body": dict(body)}}:
            return body
        case _:
            raise NotXml("no-envelope")


def _returned(said: dict[str, Json]) -> str:
    """The one text that a function returned, whatever it is called: servers differ."""
    for name, inner in said.items():
        if name in _RETURNED:
            texts = [_text(each) for each in _children(inner)]
            if len(texts) == 1:
                return texts[0].strip()
    raise NotXml("no-return")


def _of_fault(fault: Json) -> _Told:
    fault = fault if isinstance(fault, dict) else {}
    code = _text(fault.get("faultcode")).strip().rpartition(":")[2].partition(".")[0]
    theirs = next(_codes(fault.get("detail")), None)
    body = {} if theirs is None else {"head": {"code": theirs}}
    return _Told(body, HTTPStatus.BAD_REQUEST if code in _OURS else HTTPStatus.INTERNAL_SERVER_ERROR)


def _codes(detail: Json) -> Iterator[str]:
    """Every code in a detail, at any depth."""
    for name, inner in detail.items() if isinstance(detail, dict) else ():
        if name == "code":
            yield _text(inner).strip()
        yield from _codes(inner)


def _of_document(text: str) -> _Told:
    if text.startswith(_SYSTEM_ERROR):
        return _Told({}, HTTPStatus.INTERNAL_SERVER_ERROR)
    root = xml.read(_bytes(text)).get("root")
    head = root.get("head") if isinstance(root, dict) else None
    code = head.get("code") if isinstance(head, dict) else None
    if not isinstance(code, str) or not code:
        # A record that nobody calls done is no answer, however complete it looks.
        raise NotXml("no-code")
    return _Told(_decoded({**_record(root.get("body")), "head": head}), _meant(code))


def _meant(code: str) -> HTTPStatus:
    if code.startswith(_SYSTEM_ERROR):
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return HTTPStatus.OK if code == _DONE else HTTPStatus.UNPROCESSABLE_ENTITY


def _bytes(text: str) -> bytes:
    """As it was before it became a text of the envelope: Chinese encodings have characters to be mended."""
    if text[:3].upper() == "%3C":
        try:
            text = unquote_plus(text, errors="strict").strip()
        except UnicodeDecodeError:
            raise NotXml("encoding") from None
    return text.encode("gb18030" if _CHINESE.match(text) else "utf-8")


def _record(body: Json) -> dict[str, Json]:
    """The fields of the one record that a body holds; of none or several, none."""
    records = _children(body)
    if len(records) != 1 or not isinstance(records[0], dict):
        return {}
    return {name: each for name, each in records[0].items() if not _is_beside(name)}


def _children(value: Json) -> list[Json]:
    """What stands in an element: other elements, not its own attributes."""
    inner = value.items() if isinstance(value, dict) else ()
    return [each for name, each in inner if not _is_beside(name)]


def _is_beside(name: str) -> bool:
    """Whether it stands beside elements: an attribute, or text between them."""
    return name[0] in "@#"


def _text(value: Json) -> str:
    """What an element says, of whatever type it says that it is."""
    found = value.get("#text") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def _decoded(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _decoded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_decoded(one) for one in value]
    if "%" not in value or not _URL_ENCODED.fullmatch(value):
        return value
    try:
        return unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        return value
