"""REST: one POST a service, JSON both ways, the key in a header. Modelled on no agency in particular."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Never

from services.simulator.faces.face import Letter, Oddities, Unread, Written
from services.simulator.world import Asked, Outcome, World

_ODDITIES: Final = Oddities(
    "application/json",
    garbage=b"\x00\x1f{]}<<<\xff\xfe not an answer",
    wrong_schema=b'{"ok":true,"rows":[[1,2],[3,4]]}',
)
_NOT_ALLOWED: Final = Written(405, b"", {"Allow": "POST"})


@dataclass(frozen=True, slots=True)
class Rest:
    """The plain style, which every agency also has for its operator."""

    world: World
    oddities: Oddities = _ODDITIES

    def asked(self, letter: Letter) -> Asked:
        if letter.method != "POST":
            raise Unread(_NOT_ALLOWED)
        return Asked(letter.organisation, letter.path, letter.headers.get("idempotency-key", ""), parsed(letter.raw))

    async def outcome(self, asked: Asked) -> Outcome:
        return await self.world.handle(asked.organisation, asked.path, asked.key, asked.body)

    def written(self, asked: Asked, outcome: Outcome) -> Written:
        del asked
        raw = outcome.said if isinstance(outcome.said, bytes) else json.dumps(outcome.said, ensure_ascii=False).encode()
        return Written(outcome.status, raw, outcome.headers)


def parsed(raw: bytes) -> Any:
    """The JSON of a body; None, which every agency refuses, for what is none or could not be written down again."""
    try:
        body = json.loads(raw, parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return body


def _no_constant(name: str) -> Never:
    raise ValueError(name)
