"""The recorded exchanges of an operation, as people read them: XML in lines, what stands in it unpacked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote_plus

from lxml import etree

from adapters.fixtures import Case

Kind = Literal["plain", "oddity", "refused", "retried", "slows", "hostile"]
"""How an exchange ends, and whether it is one that nobody would expect."""

_KINDS: Final[dict[str, Kind]] = {
    "refused": "refused",
    "not-yet": "retried",
    "unavailable": "slows",
    "ambiguous": "hostile",
    "broken-answer": "hostile",
}
_CONTROLS: Final = {number: 0x2400 + number for number in range(32) if chr(number) not in "\t\n\r"}
"""What no page can show is shown by its picture."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One fixture. Requests and answers are texts in their parts: the message, and documents that stood inside it."""

    case: Case

    @property
    def file(self) -> str:
        return self.case.file

    @property
    def name(self) -> str:
        """What happens in it."""
        return str(self.case.fixture["name"])

    @property
    def kind(self) -> Kind:
        then = self.case.fixture["then"]
        if "error" in then:
            return _KINDS[then["error"]]
        if "known" in then:
            return "retried"
        return "plain" if self.file == self.case.command.replace(".", "-") else "oddity"

    @property
    def given(self) -> str:
        return _json(self.case.fixture["given"]["data"])

    @property
    def asks(self) -> str:
        """What is asked about a command that was sent before; nothing where it is sent."""
        return str(self.case.fixture["given"].get("asks", ""))

    @property
    def line(self) -> str:
        """How the request begins."""
        return f"{self.case.fixture['request']['method']} {self.case.fixture['request']['path']}"

    @property
    def request(self) -> tuple[str, ...]:
        return _readable(self.case.fixture["request"])

    @property
    def status(self) -> int:
        return int(self.case.fixture["response"]["status"])

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.case.fixture["response"]["headers"].items())

    @property
    def response(self) -> tuple[str, ...]:
        return _readable(self.case.fixture["response"])

    @property
    def event(self) -> str:
        """The contract of our event; nothing where there is none."""
        return str(self.case.fixture["then"].get("event", ""))

    @property
    def data(self) -> str:
        return _json(self.case.fixture["then"].get("data"))

    @property
    def then(self) -> dict[str, Any]:
        """What is heard instead of an event."""
        return dict(self.case.fixture["then"])


def _readable(recorded: dict[str, Any]) -> tuple[str, ...]:
    """A message as lines, and the documents that it carries as texts, each by itself."""
    if "body" in recorded:
        return (_json(recorded["body"]),)
    return tuple(text.translate(_CONTROLS) for text in _unpacked(str(recorded["text"])))


def _unpacked(text: str) -> Iterator[str]:
    root = _parsed(text)
    if root is None:
        # Nobody should read it, so it is shown as it came.
        yield text
        return
    inside = [inner for one in root.iter() if (inner := _document(one.text))]
    yield _in_lines(text, root)
    for inner in inside:
        found = _parsed(inner)
        yield inner if found is None else unquote_plus(_in_lines(inner, found))


def _in_lines(text: str, root: etree._Element) -> str:
    etree.indent(root)
    declared = _declaration(text)
    return (declared + "\n" if declared else "") + etree.tostring(root, encoding="unicode")


def _document(text: str | None) -> str:
    """The document that a text is, perhaps encoded for an URL; nothing if it is none."""
    told = (text or "").strip()
    plain = unquote_plus(told) if told.startswith("%3C") else told
    return plain if plain.startswith("<") else ""


def _declaration(text: str) -> str:
    return text[: text.index("?>") + 2] if text.startswith("<?xml") and "?>" in text else ""


def _parsed(text: str) -> etree._Element | None:
    rest = text.removeprefix(_declaration(text))
    if "<!DOCTYPE" in text:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, strip_cdata=False)
    try:
        return etree.fromstring(rest.strip().encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    # Half a character cannot be written down but by its number.
    return json.dumps(value, indent=2) if any("\ud800" <= one <= "\udfff" for one in text) else text
