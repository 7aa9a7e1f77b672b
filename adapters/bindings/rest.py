"""Plain REST: a JSON object to a path of its own, answered at once by another, with HTTP's status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Never

from adapters.spec import UNREADABLE, Endpoint, Json, Letter, Reply, Sent, Style


@dataclass(frozen=True, slots=True)
class Rest:
    """JSON in UTF-8, both ways."""

    style: ClassVar[Style] = Style("rest", "JSON，当场应答", "JSON, answered at once")

    def written(self, endpoint: Endpoint, body: Json, sent: Sent) -> Letter:
        """The body; where it goes is the endpoint's business, and the key HTTP's."""
        del endpoint, sent
        return Letter(json.dumps(body).encode(), {"Content-Type": "application/json"})

    def read(self, status: int, headers: Mapping[str, str], raw: bytes) -> Reply:
        """Take the bytes of an answer. Never raises, whatever they are."""
        return Reply(status, parsed(raw), {name.lower(): value for name, value in headers.items()})


REST: Final = Rest()


def parsed(raw: bytes) -> Json:
    """What JSON bytes say, or `UNREADABLE`."""
    try:
        return _JSON.decode(raw.decode(json.detect_encoding(raw), "surrogatepass"))
    except (ValueError, RecursionError):
        return UNREADABLE


def _no_constant(name: str) -> Never:
    message = f"{name} is not JSON"
    raise ValueError(message)


_JSON: Final = json.JSONDecoder(parse_constant=_no_constant)
