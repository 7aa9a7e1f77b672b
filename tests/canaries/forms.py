"""A canary: a personal value that can be nobody's, and everything that it may look like where it should not be."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple
from urllib.parse import quote, quote_plus

ANYBODY: Final = "anybody"
"""The case of a value that many have: a kind of document or plate, a decision. It tells only beside its name."""

Form = Literal[
    "raw",
    "case",
    "bare",
    "grouped",
    "part",
    "json",
    "url",
    "html",
    "utf-16",
    "gb18030",
    "base64",
    "md5",
    "sha1",
    "sha256",
]
"""How it is written: as it is, in other letters' case, without or with other separators, a telling part of it; escaped
or encoded; or hashed without a key, which whoever can list all phones undoes."""
HASHED: Final[tuple[Form, ...]] = ("md5", "sha1", "sha256")

_SEPARATORS: Final = re.compile(r"[\s\-()]")
_PHONE: Final = 11
_HOUSE: Final = 8
_SERIAL: Final = 8
_BIRTH_AND_SEQUENCE: Final = slice(6, 17)


@dataclass(frozen=True, slots=True)
class Canary:
    """One value in one field, told by the dictionary's name, of one case. All values differ."""

    case: str
    field: str
    value: str


class Needle(NamedTuple):
    """Bytes to look for. `alone`: only where neither a letter nor a digit stands beside them."""

    form: Form
    bytes: bytes
    alone: bool


def needles(canary: Canary) -> Iterator[Needle]:
    """Everything that this value may look like, each once."""
    if canary.case == ANYBODY:
        return (Needle("json", pair.encode(), alone=False) for pair in _pairs(canary))
    found: dict[tuple[bytes, bool], Form] = {}
    for form, text, alone in _written(canary):
        for encoded, raw in _encoded(form, text):
            found.setdefault((raw, alone), encoded)
    for text in dict.fromkeys((canary.value, canary.value.upper(), _bare(canary.value))):
        for form, raw in _hashed(text):
            found.setdefault((raw, False), form)
    return (Needle(form, raw, alone) for (raw, alone), form in found.items())


def _pairs(canary: Canary) -> Iterator[str]:
    for mark in ('"', "'", '\\"'):
        for colon in (":", ": "):
            yield f"{mark}{canary.field}{mark}{colon}{mark}{canary.value}{mark}"
    yield f"{canary.field}={canary.value}"


class _Text(NamedTuple):
    form: Form
    text: str
    alone: bool


def _written(canary: Canary) -> Iterator[_Text]:
    """The value as people and programs write it; one of digits only counts where it is not part of a longer one."""
    value = canary.value
    alone = value.isdecimal()
    yield _Text("raw", value, alone)
    for other in (value.swapcase(), value.lower(), value.upper()):
        yield _Text("case", other, alone)
    yield _Text("bare", _bare(value), _bare(value).isdecimal())
    yield from (_Text("grouped", other, True) for other in _grouped(canary))
    yield from (_Text("part", other, True) for other in _parts(canary))


def _bare(value: str) -> str:
    return _SEPARATORS.sub("", value)


def _grouped(canary: Canary) -> Iterator[str]:
    if canary.field == "phone" and len(phone := _bare(canary.value)) == _PHONE:
        for mark in (" ", "-"):
            yield mark.join((phone[:3], phone[3:7], phone[7:]))
        yield f"86{phone}"
        yield f"+86{phone}"
    elif canary.field == "loan_amount":
        yuan, fen = divmod(int(canary.value), 100)
        yield from (f"{yuan}.{fen:02d}", f"{yuan:,}.{fen:02d}")
    elif canary.field == "plate_no":
        yield from (f"{canary.value[:2]}{mark}{canary.value[2:]}" for mark in ("·", " ", "-"))


def _parts(canary: Canary) -> Iterator[str]:
    """What of it still tells who it is."""
    value = _bare(canary.value)
    match canary.field:
        case "phone":
            yield value[-8:]
        case "buyer_id_no" | "grantee_id_no" if len(value) == 18:
            yield value[_BIRTH_AND_SEQUENCE]
        case "address":
            yield value[-_HOUSE:]
        case "plate_no":
            # The province is one of 31.
            yield value[1:]
        case "vin":
            yield value[-_SERIAL:]


def _encoded(form: Form, text: str) -> Iterator[tuple[Form, bytes]]:
    raw = text.encode()
    yield form, raw
    yield "json", json.dumps(text)[1:-1].encode()
    yield "json", re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), json.dumps(text)[1:-1]).encode()
    for escaped in (quote(text, safe=""), quote_plus(text)):
        yield "url", escaped.encode()
        yield "url", re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), escaped).encode()
    yield "html", html.escape(text).encode()
    yield "html", text.encode("ascii", "xmlcharrefreplace")
    yield "utf-16", text.encode("utf-16-le")
    yield "utf-16", text.encode("utf-16-be")
    yield "gb18030", text.encode("gb18030")
    for encoding in ("utf-8", "gb18030"):
        yield from (("base64", core) for core in _base64(text.encode(encoding)))


def _base64(raw: bytes) -> Iterator[bytes]:
    """What of it stands in the base64 of any bytes around it: one text for each of three ways it may be aligned."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw)
        begins, ends = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        core = whole[begins:ends]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))


def _hashed(text: str) -> Iterator[tuple[Form, bytes]]:
    for name in HASHED:
        digest = hashlib.new(name, text.encode(), usedforsecurity=False)
        yield name, digest.hexdigest().encode()
        yield name, digest.hexdigest().upper().encode()
        yield name, digest.digest()
        yield name, base64.b64encode(digest.digest()).rstrip(b"=")
        yield name, base64.urlsafe_b64encode(digest.digest()).rstrip(b"=")
