"""What went over the wire while a case was played, for who looks for the fault: kinds and sizes, never a content.

The key and the VIN are the kit's own inventions, and those by which the agency finds the exchange in its own logs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from .wire import Heard, Said

MOST: Final = 12
"""So many lines are shown of a case, the last ones: what came of them is what failed."""
_KIND: Final = re.compile(r"[a-z]+/[a-z0-9.+-]{1,40}(?:; ?charset=[a-z0-9-]{1,12})?", re.IGNORECASE)
Way = Literal["sent", "received", "called back"]


@dataclass(frozen=True, slots=True)
class Line:
    """One message, either way."""

    at: datetime
    way: Way
    text: str

    def as_json(self) -> dict[str, Any]:
        """As `--json` tells it."""
        return {"at": self.at.isoformat(timespec="milliseconds"), "way": self.way, "text": self.text}


@dataclass(slots=True)
class Exchanges:
    """Those of one case, in order."""

    lines: list[Line] = field(default_factory=list)
    about: set[tuple[str, str]] = field(default_factory=set)
    """Under which keys it was asked about which cars."""

    def sent(self, said: Said, vin: str, key: str | None, *, part: float = 1.0) -> None:
        """A message, or a part of it, is about to go out."""
        size = f"{len(said.raw)} bytes" if part >= 1 else f"{int(len(said.raw) * part)} of {len(said.raw)} bytes"
        if key is not None:
            self.about.add((key, vin))
        about = [f"{said.method} {urlsplit(said.url).path}", *_told(said.headers), size, f"VIN {vin}"]
        self._note("sent", [*about, f"key {key}" if key else "no key"])

    def received(self, heard: Heard | None, meant: str, seconds: float) -> None:
        """An answer, or none, and how it was read."""
        about = [] if heard is None else [*_told(heard.headers), f"{len(heard.raw)} bytes"]
        self._note("received", [meant, *about, f"{seconds * 1000:.0f} ms"])

    def hung_up(self) -> None:
        """Nobody listened to the answer."""
        self._note("received", ["the kit hung up"])

    def _note(self, way: Way, about: list[str]) -> None:
        self.lines.append(Line(datetime.now(UTC), way, " · ".join(about)))


def shown(lines: Sequence[Line]) -> Sequence[Line]:
    """The last of them, by their moment."""
    return sorted(lines, key=lambda line: line.at)[-MOST:]


def _told(headers: Mapping[str, str]) -> list[str]:
    """What the headers say of the content."""
    named = {name.lower(): value for name, value in headers.items()}
    kind, action = named.get("content-type", ""), named.get("soapaction")
    # An agency may write anything there, too.
    told = [kind if _KIND.fullmatch(kind) else "an odd content type"] if kind else []
    return [*told, f"SOAPAction {action}"] if action else told
