"""XML documents as JSON would have them, read without trust, in UTF-8 or as Chinese offices write it, in GB18030.

There is no DTD, so no entity but XML's own five, and nothing outside is ever read. Bytes, depth, elements and
attributes have limits, and masses are counted before anything is built. What is parsed is the text that was looked at,
never the bytes that came: a parser that finds out their encoding by itself reads another document.

An element with children is an object of them, in their order; several of one name are a list; attributes stand beside
as `@name`, and a text beside them as `#text`; an element with nothing but text is that text. Names are local: of
namespaces the bindings know themselves what they expect.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, cast

from lxml import etree

from adapters.spec import Json

Encoding = Literal["UTF-8", "GB18030"]
Element = etree._Element  # noqa: SLF001 - its only name; lxml has no other for what a parser gives

LARGEST: Final = 1_048_576
_DEEPEST: Final = 32
_ELEMENTS: Final = 10_000
_ATTRIBUTES: Final = 32
_EQUALS: Final = 40_000
"""Attributes of all elements together, and names given to namespaces: each has a sign of equality."""
_PREFIXES: Final = 1_000
"""Names given to namespaces. The time that it takes to prove a seal grows with their square."""
_DECLARATION: Final = re.compile(rb"\A<\?xml\s[^>]{0,200}?\?>")
_DECLARED: Final = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]{1,20})["']""")
_AT_START: Final = re.compile(r"[\ufeff \t\r\n]*<\?xml\s")
_CUT: Final = re.compile(r"<[^<>]*\Z")
_MARKUP: Final = re.compile(r"<!(?!--|\[CDATA\[)")
_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii"})
_CHINESE: Final = frozenset({"gb18030", "gbk", "gb2312", "cp936"})

_MOVED: Final = {
    0xE78D: 0xFE10, 0xE78E: 0xFE12, 0xE78F: 0xFE11, 0xE790: 0xFE13, 0xE791: 0xFE14, 0xE792: 0xFE15, 0xE793: 0xFE16,
    0xE794: 0xFE17, 0xE795: 0xFE18, 0xE796: 0xFE19, 0xE81E: 0x9FB4, 0xE826: 0x9FB5, 0xE82B: 0x9FB6, 0xE82C: 0x9FB7,
    0xE832: 0x9FB8, 0xE843: 0x9FB9, 0xE854: 0x9FBA, 0xE864: 0x9FBB,
}  # fmt: skip
"""The 18 characters that GB 18030-2022 took out of private use; Python's codec is of 2005."""
_BACK: Final = {now: before for before, now in _MOVED.items()}
_SAFELY: Final[Mapping[str, Any]] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
"""How a parser is made: it takes UTF-8 for granted, so nothing that it finds tells it otherwise."""


class NotXml(ValueError):
    """Bytes that are not a document we read. Its text is a stable reason, never of the content."""


def tree(raw: bytes) -> etree._Element:
    """The root of a document. Raises `NotXml`."""
    text = _text(raw)
    _demand_harmless(text)
    try:
        root = etree.fromstring(text.encode(), etree.XMLParser(**_SAFELY))
    except (etree.XMLSyntaxError, UnicodeEncodeError, ValueError):
        raise NotXml("syntax") from None
    _demand_limits(root)
    return root


def is_begun(raw: bytes) -> bool:
    """Whether more bytes could make a document of what is none yet: so far nothing is wrong with it."""
    parser = etree.XMLPullParser(("start", "end"), **_SAFELY)
    try:
        text = _CUT.sub("", _text(raw, is_whole=False))
        _demand_harmless(text)
        parser.feed(text.encode())
    except (NotXml, etree.XMLSyntaxError, UnicodeEncodeError):
        return False
    seen = [event for event, _ in parser.read_events()]
    is_open = seen.count("start") > seen.count("end")
    # What is no markup at all the parser calls wrong only when it is told that nothing follows.
    return not parser.feed_error_log and (is_open or (not seen and text.lstrip()[:1] in {"", "<"}))


def read(raw: bytes) -> Json:
    """A document's root as an object of one. Raises `NotXml`."""
    root = tree(raw)
    return {_name(root): content(root)}


def content(element: etree._Element) -> Json:
    """What an element holds."""
    attributes = {f"@{etree.QName(name).localname}": value for name, value in element.attrib.items()}
    if len(element) == 0:
        text = element.text or ""
        return {**attributes, "#text": text} if attributes else text
    found: dict[str, Json] = dict(attributes)
    for child in element:
        _add(found, _name(child), content(child))
    return found


def element(name: str, body: Json, namespace: str | None = None) -> etree._Element:
    """The inverse of `content`, all of it in one namespace where one is named.

    Numbers are written as Python does, and what is None is left out. Raises ValueError for what XML cannot say.
    """
    prefix = f"{{{namespace}}}" if namespace else ""
    # The stubs know of no default namespace.
    made = etree.Element(prefix + name, nsmap=cast("dict[str, str]", {None: namespace}) if namespace else None)
    _fill(made, body, prefix)
    return made


def written(root: etree._Element, encoding: Encoding = "UTF-8") -> bytes:
    """A document with its declaration."""
    text = etree.tostring(root, encoding="unicode")
    codec = text.translate(_BACK).encode("gb18030") if encoding == "GB18030" else text.encode()
    return f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + codec


def _text(raw: bytes, *, is_whole: bool = True) -> str:
    """What stands after the declaration; where more is to come, all characters that are whole."""
    if len(raw) > LARGEST:
        raise NotXml("too-large")
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    declaration = _DECLARATION.match(raw)
    declared = _DECLARED.search(declaration[0]) if declaration else None
    name = declared[1].decode().lower() if declared else "utf-8"
    body = raw[declaration.end() :] if declaration else raw
    try:
        if name in _UTF8:
            return getincrementaldecoder("utf-8")().decode(body, is_whole)
        if name in _CHINESE:
            return getincrementaldecoder("gb18030")().decode(body, is_whole).translate(_MOVED)
    except UnicodeDecodeError:
        raise NotXml("encoding") from None
    raise NotXml("encoding-unknown")


def _demand_harmless(text: str) -> None:
    # A second declaration, or one that we have not understood, may say something else than what we went by.
    if _AT_START.match(text):
        raise NotXml("syntax")
    if _MARKUP.search(text):
        raise NotXml("dtd")
    # Counted before anything is built: a tree takes a hundred times the room of its text.
    begun = text.count("<") - text.count("</")
    if begun > _ELEMENTS or text.count("=") > _EQUALS or text.count("xmlns:") > _PREFIXES:
        raise NotXml("too-much")


def _demand_limits(root: etree._Element) -> None:
    for number, (element_, depth) in enumerate(_walk(root)):
        if number >= _ELEMENTS or depth > _DEEPEST or len(element_.attrib) > _ATTRIBUTES:
            raise NotXml("too-much")
        if not isinstance(element_.tag, str):
            raise NotXml("entity")


def _walk(root: etree._Element) -> Iterator[tuple[etree._Element, int]]:
    waiting = [(root, 1)]
    while waiting:
        element_, depth = waiting.pop()
        yield element_, depth
        waiting.extend((child, depth + 1) for child in element_)


def _name(element_: etree._Element) -> str:
    return etree.QName(element_).localname


def _add(found: dict[str, Json], name: str, value: Json) -> None:
    if name not in found:
        found[name] = value
    elif isinstance(found[name], list):
        found[name].append(value)
    else:
        found[name] = [found[name], value]


def _fill(made: etree._Element, body: Json, prefix: str) -> None:
    if not isinstance(body, dict):
        made.text = str(body)
        return
    for name, value in body.items():
        if name == "#text":
            made.text = str(value)
        elif name.startswith("@"):
            made.set(name[1:], str(value))
        else:
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    _fill(etree.SubElement(made, prefix + name), one, prefix)
