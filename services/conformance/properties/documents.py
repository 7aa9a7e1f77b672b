"""Documents in XML: what they may hide (entities, types from elsewhere, depth without end), and as what they answer."""

from __future__ import annotations

import codecs
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from adapters.bindings import xml
from services.conformance.car import wrong_check
from services.conformance.case import Property
from services.conformance.fixtures import plain
from services.conformance.stage import Stage, Unmet, answered, demand, replaced
from services.conformance.words import Words

from .which import in_xml, in_xml_over_http

_DECLARATION: Final = re.compile(rb"\A\s*<\?xml[^>]*\?>")
_BOMB: Final = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (letter, (b"&%c;" % (letter - 1)) * 10) for letter in range(ord("b"), ord("k")))
    + b"]>"
)
_OUTSIDE: Final = b'<!DOCTYPE a SYSTEM "file:///etc/passwd">'
_ENTITY: Final = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
_READ_OUT: Final = re.compile(rb"root:[^:\n]{0,200}:0:0:|a{100}")
"""What stands in that file on whatever machine, and what bombs burst into."""
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9._-]+)""", re.IGNORECASE)
_ENCODING: Final = re.compile(r"""\A(?:\xef\xbb\xbf)?\s*<\?xml\s[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
_CHINESE: Final = frozenset({"gbk", "gb2312"})
_DEEP: Final = 5_000
_HUGE: Final = 4 * 1024 * 1024
_TURNED_DOWN: Final = "a refusal, and nothing read from anywhere"


def _with_type(raw: bytes, declared: bytes) -> bytes:
    """A document with a declaration of its type."""
    head = _DECLARATION.match(raw)
    end = head.end() if head else 0
    return raw[:end] + declared + raw[end:]


def _with_inside(raw: bytes, inside: bytes) -> bytes:
    """A document whose first element begins with something more."""
    opening = re.search(rb"<[A-Za-z][^<>]*[^/<>]>|<[A-Za-z]>", raw)
    end = opening.end() if opening else len(raw)
    return raw[:end] + inside + raw[end:]


async def _turned_down(stage: Stage, name: str, declared: bytes = b"", inside: bytes = b"") -> None:
    ask = await stage.ready(name)
    came = await stage.altered(ask, raw=_with_inside(_with_type(stage.written(ask), declared), inside))
    hung_up = came.silence is not None and "connection" in came.silence
    demand(came.is_no or hung_up, _TURNED_DOWN, came)
    read_out = came.heard is not None and _READ_OUT.search(unquote_to_bytes(came.heard.raw))
    demand(not read_out, _TURNED_DOWN, f"{came.told}, with what the entity names")
    try:
        await stage.event(ask)
    except Unmet as wrong:
        raise Unmet("the same command, well written, succeeds afterwards", wrong.came) from None


async def _bomb(stage: Stage, name: str) -> None:
    await _turned_down(stage, name, declared=_BOMB, inside=b"<x>&j;</x>")


async def _outside(stage: Stage, name: str) -> None:
    await _turned_down(stage, name, declared=_OUTSIDE)


async def _entity(stage: Stage, name: str) -> None:
    await _turned_down(stage, name, declared=_ENTITY, inside=b"<x>&x;</x>")


async def _deep(stage: Stage, name: str) -> None:
    await _turned_down(stage, name, inside=b"<x>" * _DEEP + b"</x>" * _DEEP)


async def _huge(stage: Stage, name: str) -> None:
    await _turned_down(stage, name, inside=b"<x>" + b"x" * _HUGE + b"</x>")


async def _answer_in_xml(stage: Stage, name: str) -> None:
    ask = await stage.ready(name)
    spoilt = replaced(ask.body, ask.car.vin, wrong_check(ask.car.vin))
    for one in (ask, stage.with_body(ask, spoilt).once_more()):
        came = await stage.client.ask(one)
        if came.heard is None:
            raise Unmet("an answer", came.told)
        _demand_label(came.heard.headers.get("content-type", ""), came.heard.raw)


def _demand_label(content_type: str, raw: bytes) -> None:
    """What it says of its encoding must be one thing, and true."""
    kind = content_type.partition(";")[0].strip().lower()
    demand(kind.endswith("xml"), "Content-Type: text/xml or application/xml", f"Content-Type: {kind or 'none'}")
    told = {
        _codec(found) for found in (_CHARSET.search(content_type), _ENCODING.search(raw.decode("latin-1"))) if found
    }
    codec = told.pop() if told else "utf-8"
    demand(not told, "one encoding", "Content-Type and XML declaration name different ones")
    try:
        raw.decode(codec)
    except UnicodeDecodeError:
        raise Unmet(f"{codec}, as it says", f"bytes that are no {codec}") from None


def _codec(named: re.Match[str]) -> str:
    try:
        codec = codecs.lookup(named[1]).name
    except LookupError:
        raise Unmet("an encoding that there is", "another") from None
    return "gb18030" if codec in _CHINESE else codec


async def _namespaces(stage: Stage, name: str) -> None:
    came = await answered(stage.client, await stage.ready(name))
    if came.heard is None:
        raise Unmet("an answer", came.told)
    recorded = _named(plain(stage.adapter, name).told["response"]["text"].encode())
    heard = _named(came.heard.raw)
    wrong = sorted(path for path in recorded.keys() & heard.keys() if recorded[path] != heard[path])
    demand(not wrong, "the namespaces of the fixture", f"another namespace, or none: {', '.join(wrong[:3])}")
    demand(came.event, stage.adapter.operations[name].command.answer.name, came)


def _named(raw: bytes) -> dict[str, str]:
    """By the path of its local names, the namespace of each element."""
    try:
        root = xml.tree(raw)
    except xml.NotXml as wrong:
        raise Unmet("a document", f"none: {wrong}") from None
    return {_path(one): one.tag.rpartition("}")[0] for one in root.iter()}


def _path(element: xml.Element) -> str:
    return "/".join(one.tag.rpartition("}")[2] for one in reversed([element, *element.iterancestors()]))


_SAFE: Final = Words(
    "禁用 DTD 与实体，限制长度与深度，再解析", "parse with DTDs and entities off, and with limits on length and depth"
)

ROWS: Final = (
    Property(
        "entity-bomb",
        "security",
        Words("实体炸弹，拒绝", "an entity bomb is refused"),
        Words("逐层展开的实体须拒绝，随后照常", "entities of entities are refused; afterwards all is well"),
        _SAFE,
        in_xml,
        _bomb,
        once=True,
    ),
    Property(
        "external-type",
        "security",
        Words("外部 DTD，拒绝", "a type from elsewhere is refused"),
        Words(
            "带 DOCTYPE 的报文须拒绝，不读取任何外部资源",
            "a document with a DOCTYPE is refused; nothing outside is read",
        ),
        _SAFE,
        in_xml,
        _outside,
        once=True,
    ),
    Property(
        "external-entity",
        "security",
        Words("外部实体，拒绝", "an entity from elsewhere is refused"),
        Words("引用本机文件的实体须拒绝", "an entity that names a file of the machine is refused"),
        _SAFE,
        in_xml,
        _entity,
        once=True,
    ),
    Property(
        "deep-document",
        "security",
        Words("嵌套极深，拒绝", "elements nested without end are refused"),
        Words("五千层嵌套须拒绝，随后照常", "five thousand levels are refused; afterwards all is well"),
        _SAFE,
        in_xml,
        _deep,
        once=True,
    ),
    Property(
        "huge-document",
        "security",
        Words("超大报文，拒绝", "a document of four megabytes is refused"),
        Words("4 MiB 的报文须拒绝或断开，随后照常", "4 MiB are refused or cut off; afterwards all is well"),
        _SAFE,
        in_xml,
        _huge,
        once=True,
    ),
    Property(
        "answer-in-xml",
        "encodings",
        Words("答复是 XML，编码与声明相符", "answers are XML in the encoding that they declare"),
        Words(
            "成功与拒绝都以 XML 答复；Content-Type、XML 声明与字节三者相符",
            "success and refusal are XML; Content-Type, declaration and bytes agree on the encoding",
        ),
        Words(
            "由序列化库写出声明与字节，不可先写声明再转码",
            "have one library write declaration and bytes; never recode a document that is declared already",
        ),
        in_xml_over_http,
        _answer_in_xml,
        once=True,
    ),
    Property(
        "namespaces",
        "fixtures",
        Words("命名空间齐全", "every element in its namespace"),
        Words(
            "答复的元素须在样例的命名空间中，不得省略或另取",
            "elements of an answer are in the namespaces of the fixture, none left out, none of another",
        ),
        Words(
            "用支持命名空间的库写出，不可拼接字符串", "write with a library that knows namespaces, not by joining texts"
        ),
        in_xml,
        _namespaces,
        once=True,
    ),
)
