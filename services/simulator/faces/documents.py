"""Documents of an organisation that is spoken to by files: a head and a body in XML, each with an id of its own.

Modelled on what is publicly described of the single window's import client and its XML messages and receipts; ours are
the types of messages, the namespace, and that a receipt names the message that it answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from lxml import etree

from services.simulator.agency import CHINA, Answer

NAMESPACE: Final = "urn:sample:single-window:dec"
_HEAD, _BODY = "MessageHead", "MessageBody"
_PARSER: Final[Mapping[str, Any]] = {"resolve_entities": False, "no_network": True, "load_dtd": False}
_DEEPEST: Final = 8
_MARKUP: Final = re.compile(rb"<!(?!--|\[CDATA\[)")
_DONE: Final = {"returnCode": "HG000", "returnInfo": "已受理"}
_RECORDED_KEY: Final = b"0198c0de-0000-7000-8000-000000000001"
"""Under which all fixtures were recorded."""

SERVICES: Final[Mapping[str, str]] = {"DEC01": "/export/declarations", "DEC02": "/export/exits"}
"""What a type of message asks for."""


class NotADocument(ValueError):
    """Bytes that customs do not take for a message to them."""


def heard(raw: bytes, type_: str, key: str) -> dict[str, Any]:
    """What a document asks, in the book's words. Raises `NotADocument`, also where its name says something else."""
    if _MARKUP.search(raw):
        raise NotADocument("declarations of types are not read")
    try:
        root = etree.fromstring(raw, etree.XMLParser(**_PARSER))
    except (etree.XMLSyntaxError, ValueError):
        raise NotADocument("no XML") from None
    if root.tag != _tag("DecMessage"):
        raise NotADocument("another document")
    if (root.findtext(f"{_tag(_HEAD)}/{_tag('MessageId')}"), _type_of(root)) != (key, type_):
        raise NotADocument("head and file's name differ")
    body = root.find(_tag(_BODY))
    return dict(_leaves(body, 0)) if body is not None else {}


def receipt(key: str, said: Answer | bytes, at: datetime) -> bytes:
    """The receipt for the message with that id; what is recorded goes out as it stands, about this message."""
    if isinstance(said, bytes):
        return said.replace(_RECORDED_KEY, key.encode())
    head = {"MessageId": f"HZ-{key}", "MessageType": "DEC09", "RefMessageId": key, "SendTime": _clock(at)}
    root = etree.Element(_tag("DecReceipt"), nsmap={None: NAMESPACE})  # type: ignore[dict-item]
    answer = said if "returnCode" in said else _DONE | said
    for part, fields in ((_HEAD, head), (_BODY, answer)):
        _fill(etree.SubElement(root, _tag(part)), fields)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + etree.tostring(root, encoding="utf-8")


def _type_of(root: etree._Element) -> str | None:
    return root.findtext(f"{_tag(_HEAD)}/{_tag('MessageType')}")


def _leaves(part: etree._Element, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        raise NotADocument("too deep")
    for child in part:
        if len(child):
            yield from _leaves(child, depth + 1)
        elif isinstance(child.tag, str):
            name = etree.QName(child).localname
            yield name, _value(name, child.text or "")


def _value(name: str, text: str) -> Any:
    """The book weighs in whole kilograms."""
    return int(text) if name == "netWt" and text.isdecimal() else text


def _fill(part: etree._Element, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        child = etree.SubElement(part, _tag(name))
        if isinstance(value, dict):
            _fill(child, value)
        else:
            child.text = str(value)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y%m%d%H%M%S}"
