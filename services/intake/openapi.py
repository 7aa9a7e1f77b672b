"""What the routes take and answer, said in OpenAPI; the contracts' own schemas are the reference for `data`."""

from __future__ import annotations

from typing import Any, Final

from services.intake.admission import types_taken
from services.intake.media import BATCH, DATA, EVENT
from services.runtime.problems import MEDIA_TYPE

_EVENT: Final = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": 200},
        "source": {"type": "string", "minLength": 1, "maxLength": 200},
        "type": {"type": "string", "enum": list(types_taken())},
        "time": {"type": "string", "format": "date-time"},
        "traceparent": {"type": "string"},
        "data": {"type": "object"},
    },
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "field", "reason"],
                "properties": {name: {"type": "string"} for name in ("code", "field", "reason", "suggestion")},
            },
        },
    },
}

RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "RFC 9457: refused", "content": {MEDIA_TYPE: {"schema": _PROBLEM}}},
    503: {"description": "RFC 9457: cannot store now", "content": {MEDIA_TYPE: {"schema": _PROBLEM}}},
}


def _body(**contents: Any) -> dict[str, Any]:
    return {"required": True, "content": {name: {"schema": schema} for name, schema in contents.items()}}


PUBLISH: Final = {
    "requestBody": _body(
        **{EVENT: _EVENT, BATCH: {"type": "array", "items": _EVENT}, DATA: {"type": "object"}},
    ),
    "responses": {
        "200": {"description": "a batch: a result for each of its events"},
        "202": {"description": "durable; code 1 if it was already"},
    },
}
_TEXT: Final = {"type": "string", "format": "binary"}
IMPORT: Final = {
    "requestBody": _body(**{"text/csv": _TEXT, "application/x-ndjson": _TEXT, "application/json": {}}),
}
