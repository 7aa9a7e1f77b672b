"""What a document in XML may hide: entities, types from elsewhere, depth and width without end."""

from __future__ import annotations

import re
from typing import Final

from services.conformance.case import Property
from services.conformance.stage import Stage, Unmet, demand
from services.conformance.words import Words

from .which import in_xml

_DECLARATION: Final = re.compile(rb"\A\s*<\?xml[^>]*\?>")
_BOMB: Final = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (letter, (b"&%c;" % (letter - 1)) * 10) for letter in range(ord("b"), ord("k")))
    + b"]>"
)
_OUTSIDE: Final = b'<!DOCTYPE a SYSTEM "file:///etc/hostname">'
_ENTITY: Final = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
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
    demand(came.event is None and (came.heard is not None or hung_up), _TURNED_DOWN, came)
    demand(not came.is_named_no or came.is_no, _TURNED_DOWN, came)
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
)
