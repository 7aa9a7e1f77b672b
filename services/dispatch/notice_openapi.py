"""What the door for notices takes and answers, said in OpenAPI."""

from __future__ import annotations

from typing import Any, Final

from contracts.examples import examples
from contracts.topics import NOTICES

from .door_openapi import problem

_TYPES: Final = [versions.type_of(number) for versions in NOTICES.values() for number in range(1, versions.newest + 1)]
_NOTICE: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "type", "data"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "机构自己的编号 / its own id"},
        "type": {"enum": _TYPES},
        "data": {"type": "object", "description": "按 type 所名的架构 / as the schema of its type says"},
    },
    "examples": [{"id": "N-2026-0001", "type": type_, "data": examples()[type_][0]} for type_ in _TYPES],
}


GIVE: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _NOTICE}}},
    "responses": {
        "202": {
            "description": "durable; the same notice again gets the same answer",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["id"],
                        "properties": {"id": {"type": "string", "format": "uuid"}},
                    }
                }
            },
        },
    },
}
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": problem("RFC 9457: refused"),
    503: problem("RFC 9457: tokens cannot be checked; nothing was taken in"),
}
