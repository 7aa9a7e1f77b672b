"""The formats that can be judged: those of JSON Schema 2020-12, asserted, and our own numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import jsonschema_rs

from contracts.formats import FORMATS as NUMBERS
from services.compatibility import regular

_DAY: Final = (
    r"(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
)
_TIME: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+\-][0-9]{2}:[0-9]{2})"
_BYTE: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"


_FULL_WIDTH: Final = {code: code + 0xFEE0 for code in range(ord("0"), ord("9") + 1)}


@dataclass(frozen=True, slots=True)
class Format:
    """What is known of a format.

    `shape` is a pattern that every text of the format matches; where it is `exact`, no other text does. `samples` are
    texts of the format; where it is `padded`, with blanks around them too. All of it is of the formats `within`.
    """

    name: str
    holds: Callable[[str], bool]
    shape: str = ""
    exact: bool = False
    samples: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    padded: bool = False


def _standard(name: str, *samples: str, shape: str = "", exact: bool = False, within: tuple[str, ...] = ()) -> Format:
    """One of the draft, as the validator has it, but only where what is known of it is so.

    By itself it takes 202--11-21 for a day, 08:3.:00Z for a time, and host names that are none to it in any script.
    """
    asked = [jsonschema_rs.Draft202012Validator({"format": one}, validate_formats=True) for one in (name, *within)]

    def holds(text: str) -> bool:
        return regular.matches(shape, text) and (exact or all(one.is_valid(text) for one in asked))

    return Format(name, holds, shape, exact, samples, within)


def _number(name: str, *samples: str) -> Format:
    """One of our own: full-width and lower-case writing is no fault, nor are blanks around it."""
    odd = (samples[0].lower(), samples[0].translate(_FULL_WIDTH))
    return Format(name, NUMBERS[name], samples=(*samples, *odd), padded=True)


FORMATS: Final[Mapping[str, Format]] = {
    one.name: one
    for one in (
        _standard("date", "2026-11-21", shape=f"^{_DAY}$", exact=True),
        _standard("time", "08:30:00Z", "08:30:00.123+08:00", shape=f"^{_TIME}$"),
        _standard("date-time", "2026-11-21T08:30:00Z", "2026-11-21T08:30:00.123+08:00", shape=f"^{_DAY}[Tt]{_TIME}$"),
        _standard("duration", "P1D", "PT1H", "P1Y2M", shape="^P[0-9YMDTHSW]+$"),
        _standard("email", "a@example.com", "a@b.cn", shape="@", within=("idn-email",)),
        _standard("idn-email", "a@example.com", "用户@example.com", shape="@"),
        _standard("hostname", "example.com", "a", shape=r"^[A-Za-z0-9.\-]+$", within=("idn-hostname",)),
        _standard("idn-hostname", "example.com", "例子.cn"),
        _standard("ipv4", "127.0.0.1", shape=rf"^{_BYTE}(?:\.{_BYTE}){{3}}$", exact=True),
        _standard("ipv6", "::1", "2001:db8::1", shape=r"^[0-9A-Fa-f:.]+$"),
        _standard("uri", "urn:a", "https://example.com/a", shape=":", within=("uri-reference", "iri", "iri-reference")),
        _standard("uri-reference", "", "a", "urn:a", within=("iri-reference",)),
        _standard("iri", "urn:a", "https://example.com/车", shape=":", within=("iri-reference",)),
        _standard("iri-reference", "", "a", "车"),
        _standard("uri-template", "", "a", "{a}"),
        _standard("json-pointer", "", "/a", shape=r"^(?:/[\s\S]*)?$"),
        _standard("relative-json-pointer", "0", "1/a", shape="^[0-9]"),
        _standard("regex", "", "a", "^[0-9]$"),
        _standard(
            "uuid",
            "01997ac5-8f3c-7bd2-9d33-3d5a2b5a9c11",
            shape="^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
            exact=True,
        ),
        _number("vin", "LZZTEST05TA000001", "LZZTEST0XTA000009"),
        _number("uscc", "91110000600037341L", "914403001922038216"),
        _number("certificate", "LS5994237258178", "LS599423725817"),
        _number("ccc", "2016010901123456"),
        _number("invoice", "26322000000012345678"),
        _number("customs-declaration", "223320260000012345"),
        _number("export-licence", "26-AA-100256"),
        _number("hs", "8703801090"),
        _number("division", "310115", "500105"),
    )
}


def predicates() -> dict[str, Callable[[str], bool]]:
    """All of them, as a validator takes them."""
    return {one.name: one.holds for one in FORMATS.values()}
