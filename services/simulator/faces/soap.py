"""SOAP 1.1 over one address, as systems of others reach the police's platform: what is wanted stands in the message.

Modelled on public descriptions of the 公安交通管理综合应用平台; ours are the ids, the codes of refusals, and that a
request has a head with the caller's number for it. What it answers says GBK and is URL-encoded whole, as there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus, unquote_plus

from lxml import etree

from services.simulator.faces.face import Letter, Oddities, Unread, Written
from services.simulator.world import Asked, Outcome, World

ADDRESS: Final = "/trffweb/services/TmriOutAccess"
SERIAL: Final = "7A1D0000000000000000000000000000000000000000000000000000TONGCHE1"
"""Which caller is granted what: here one, and everything."""

SERVICES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "01W01": "/haopai/yuliu",
        "01W02": "/haopai/shifang",
        "01W03": "/dengji/zhuce",
        "01W04": "/dengji/zhuxiao",
        "01W05": "/diya/shelidengji",
        "01W06": "/diya/jiechu",
        "01W07": "/xingshizheng/qianfa",
        "01W08": "/xingshizheng/shouquan",
        "01W09": "/xingshizheng/chexiao",
        "01W10": "/youji/jisong",
        "01Q01": "/xingshizheng/heyan",
        "01Q02": "/youji/chaxun",
    }
)
"""By its id, each thing that the office does."""

_ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_PLATFORM: Final = "http://endpoint.axis.framework.tmri.com"
_PARAMETERS: Final = {"queryObjectOut": ("QueryXmlDoc", "QueryCondition"), "writeObjectOut": ("WriteXmlDoc", "veh")}
"""By function: the parameter for the document, and the name of the record in it."""
_QUESTIONS: Final = frozenset({SERVICES["01Q01"], SERVICES["01Q02"]})
_NUMBERS: Final = frozenset({"hdzk"})
"""Fields that the office's books keep as numbers."""

_DONE: Final = "1"
_FAILED: Final = "0"
_NOT_READ: Final = ("-1400", "请求文档有误")
_UNSAID: Final = {"": ("-401", "传入的接口序列号为空")}
_UNKNOWN_SERIAL: Final = ("-403", "接口授权中不存在传入的接口序列号")
_UNKNOWN_ID: Final = ("-414", "接口不存在，或接口被非法修改")
_NO: Final = re.compile(r"JG([0-9]{3})")

_OPENING: Final = f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{_ENVELOPE}"><soapenv:Body>'
_CLOSING: Final = "</soapenv:Body></soapenv:Envelope>"
_ODDITIES: Final = Oddities(
    "text/xml; charset=utf-8",
    garbage=_OPENING.encode() + b"\xff\xfe<<<",
    wrong_schema=f'{_OPENING}<w:weather xmlns:w="urn:weather"><sky>fine</sky></w:weather>{_CLOSING}'.encode(),
    opening=f'{_OPENING}<ns:writeObjectOutResponse xmlns:ns="{_PLATFORM}"><writeObjectOutReturn>'.encode(),
)
_NOT_ALLOWED: Final = Written(405, b"", {"Allow": "POST"})
_NOT_HERE: Final = Written(404, b"<html><body><h1>404 Not Found</h1></body></html>", {"Content-Type": "text/html"})


class _NotUnderstood(ValueError):
    """No message of ours. Its text names the reason, never the content."""


class _Call(NamedTuple):
    """One call of a function, as it came."""

    function: str
    arguments: Mapping[str, str]

    @property
    def document(self) -> str:
        return self.arguments.get(_PARAMETERS[self.function][0], "")


@dataclass(frozen=True, slots=True)
class Soap:
    """The police's style. Refusals come with 200 and a code; only who is not understood gets a fault."""

    world: World
    serial: Callable[[], str] = lambda: SERIAL
    """Under which we are known there."""
    oddities: Oddities = _ODDITIES

    def asked(self, letter: Letter) -> Asked:
        if letter.path != ADDRESS:
            raise Unread(_NOT_HERE)
        if letter.method != "POST":
            raise Unread(_NOT_ALLOWED)
        try:
            call = _call(letter.raw, letter.headers.get("soapaction", ""))
        except _NotUnderstood as wrong:
            raise Unread(_fault(str(wrong))) from None
        path = _service(call, self.serial())
        try:
            key, body = _read(call)
        except _NotUnderstood:
            raise Unread(_refusal(call.function, *_NOT_READ)) from None
        return Asked(letter.organisation, path, key, body)

    async def outcome(self, asked: Asked) -> Outcome:
        return await self.world.handle(asked.organisation, asked.path, asked.key, asked.body)

    def written(self, asked: Asked, outcome: Outcome) -> Written:
        if isinstance(outcome.said, bytes):
            return Written(outcome.status, outcome.said, outcome.headers)
        function = "queryObjectOut" if asked.path in _QUESTIONS else "writeObjectOut"
        busy = outcome.status == HTTPStatus.SERVICE_UNAVAILABLE
        if outcome.status == HTTPStatus.OK:
            document = _document(_DONE, "操作成功", outcome.said)
        else:
            document = _document(*_no(outcome.said), {})
        return Written(outcome.status if busy else HTTPStatus.OK, _envelope(function, document), outcome.headers)


def _call(raw: bytes, action: str) -> _Call:
    """The one call of an envelope; its `SOAPAction` says nothing, or the same. Raises `_NotUnderstood`."""
    envelope = _parsed(raw)
    body = envelope.find(f"{{{_ENVELOPE}}}Body")
    if envelope.tag != f"{{{_ENVELOPE}}}Envelope" or body is None or len(body) != 1:
        raise _NotUnderstood("not a SOAP 1.1 envelope with one call")
    called = etree.QName(body[0])
    if called.namespace != _PLATFORM or called.localname not in _PARAMETERS:
        raise _NotUnderstood("no such operation")
    if action.strip('"') not in {"", called.localname}:
        # Whatever let the message through by its header may have let through another one.
        raise _NotUnderstood("SOAPAction names another operation")
    return _Call(called.localname, {etree.QName(one).localname: (one.text or "").strip() for one in body[0]})


def _service(call: _Call, known: str) -> str:
    """Where the call goes in the office. Raises `Unread` where the platform's check of the caller says no."""
    serial, wanted = call.arguments.get("jkxlh", ""), call.arguments.get("jkid", "")
    if serial != known:
        raise Unread(_refusal(call.function, *_UNSAID.get(serial, _UNKNOWN_SERIAL)))
    path = SERVICES.get(wanted)
    asks = call.function == "queryObjectOut"
    if path is None or (path in _QUESTIONS) != asks or call.arguments.get("xtlb") != wanted[:2]:
        raise Unread(_refusal(call.function, *_UNKNOWN_ID))
    return path


def _read(call: _Call) -> tuple[str, dict[str, Any]]:
    """The caller's own number for it, and the record."""
    text = call.document
    if text.startswith("<?xml"):
        # It says how it was encoded before it became a text of the envelope.
        text = text.partition("?>")[2]
    root = _parsed(text.encode(errors="replace"))
    record = root.find(_PARAMETERS[call.function][1])
    if root.tag != "root" or record is None:
        raise _NotUnderstood("no record")
    fields = {etree.QName(one).localname: _value(one) for one in record}
    return _text(root.findtext("head/ywlsh", "")), fields


def _value(element: etree._Element) -> Any:
    if len(element):
        return {etree.QName(one).localname: _value(one) for one in element}
    text = _text(element.text or "")
    whole = etree.QName(element).localname in _NUMBERS and text.isascii() and text.isdigit()
    return int(text[:9]) if whole else text


def _text(text: str) -> str:
    """Values come URL-encoded; what has other characters was not."""
    return unquote_plus(text) if text.isascii() else text


def _parsed(raw: bytes) -> etree._Element:
    if b"<!DOCTYPE" in raw:
        raise _NotUnderstood("no DTD is read")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise _NotUnderstood("not well-formed XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _NotUnderstood("no DTD is read")
    if any(not isinstance(one.tag, str) for one in root.iter()):
        raise _NotUnderstood("no entities are read")
    return root


def number(code: str) -> str:
    """A code of the office's books as the platform says it; what is none of theirs goes out as it stands."""
    if code == "IDEMPOTENCY":
        return _FAILED
    known = _NO.fullmatch(code)
    return f"-1{known[1]}" if known else code


def _no(said: Mapping[str, Any]) -> tuple[str, str]:
    """Code and words of a refusal."""
    return (number(str(said["cwdm"])), str(said["cwms"])) if "cwdm" in said else _UNKNOWN_ID


def _refusal(function: str, code: str, message: str) -> Written:
    return Written(HTTPStatus.OK, _envelope(function, _document(code, message, {})))


def _document(code: str, message: str, record: Mapping[str, Any]) -> str:
    root = etree.Element("root")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "code").text = code
    etree.SubElement(head, "message").text = message
    body = etree.SubElement(root, "body")
    if record:
        _fill(etree.SubElement(body, "veh", id="0"), record)
    return '<?xml version="1.0" encoding="GBK"?>' + etree.tostring(root, encoding="unicode")


def _fill(element: etree._Element, value: Any) -> None:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _fill(etree.SubElement(element, name), inner)
    else:
        element.text = str(value)


def _envelope(function: str, document: str) -> bytes:
    told = f"<{function}Return>{quote_plus(document)}</{function}Return>"
    response = f'<ns:{function}Response xmlns:ns="{_PLATFORM}">{told}</ns:{function}Response>'
    return f"{_OPENING}{response}{_CLOSING}".encode()


def _fault(reason: str) -> Written:
    told = f"<soapenv:Fault><faultcode>soapenv:Client</faultcode><faultstring>{reason}</faultstring></soapenv:Fault>"
    return Written(HTTPStatus.INTERNAL_SERVER_ERROR, f"{_OPENING}{told}{_CLOSING}".encode())
