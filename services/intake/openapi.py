"""What the routes take and answer, said in OpenAPI. What `data` holds, `GET /schemas/{type}` says."""

from __future__ import annotations

from typing import Any, Final

from services.intake.admission import types_taken
from services.intake.media import BATCH, DATA, EVENT
from services.intake.states import STATUSES
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
        "data": {"type": "object", "description": "按 /schemas/{type} / as /schemas/{type} says"},
    },
}
_CODE: Final = {"enum": ["0", "1"], "description": "1：内容相同，此前已受理 / the same had been taken in before"}
_ACKNOWLEDGED: Final = {
    "type": "object",
    "required": ["id", "case_id", "status_url", "code"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "case_id": {"type": "string", "format": "uuid"},
        "status_url": {"type": "string", "format": "uri-reference"},
        "code": _CODE,
    },
}
_RESULTS: Final = {
    "type": "object",
    "required": ["results"],
    "properties": {
        "results": {
            "type": "array",
            "items": {
                "type": "object",
                "description": "202：已受理；其余为 RFC 9457 / 202: taken in; a problem document otherwise",
                "required": ["id", "status"],
                "properties": {
                    "id": {"type": ["string", "null"], "description": "发布方的编号 / the publisher's own id"},
                    "status": {"type": "integer"},
                    "sale_id": {"type": "string", "format": "uuid"},
                    "location": {"type": "string", "format": "uri-reference"},
                    "code": _CODE,
                },
            },
        }
    },
}
_SALE: Final = {
    "type": "object",
    "required": ["id", "case_id", "type", "source", "sourceid", "order_no", "accepted_at", "status", "notices"],
    "properties": {
        "status": {"enum": ["received", *STATUSES]},
        "facets": {"type": "array", "items": {"type": "object", "required": ["name", "state"]}},
        "notices": {"type": "array", "items": {"type": "object"}},
    },
}
_IMPORTED: Final = {
    "type": "object",
    "required": ["accepted", "replayed", "refused", "format", "encoding", "stopped", "rows", "sales"],
    "properties": {
        **{name: {"type": "integer", "minimum": 0} for name in ("accepted", "replayed", "refused")},
        "stopped": {"type": ["object", "null"], "description": "为何、在哪一行停止 / where and why it was given up"},
        "rows": {"type": "array", "items": {"type": "object"}, "description": "被拒的行 / the rows that were refused"},
        "sales": {"type": "array", "items": {"type": "object"}},
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

REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "RFC 9457: refused", "content": {MEDIA_TYPE: {"schema": _PROBLEM}}},
}
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **REFUSED,
    503: {"description": "RFC 9457: cannot store now", "content": {MEDIA_TYPE: {"schema": _PROBLEM}}},
}


def _body(**contents: Any) -> dict[str, Any]:
    return {"required": True, "content": {name: {"schema": schema} for name, schema in contents.items()}}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


PUBLISH: Final = {
    "requestBody": _body(
        **{EVENT: _EVENT, BATCH: {"type": "array", "items": _EVENT}, DATA: {"type": "object"}},
    ),
    "responses": {
        "200": _answer("a batch: a result for each of its events", _RESULTS),
        "202": _answer("durable; code 1 if it was already", _ACKNOWLEDGED),
    },
}
_TEXT: Final = {"type": "string", "format": "binary"}
IMPORT: Final = {
    "requestBody": _body(**{"text/csv": _TEXT, "application/x-ndjson": _TEXT, "application/json": {}}),
    "responses": {"200": _answer("how many rows came in, and what is wrong with the others", _IMPORTED)},
}
TEMPLATE: Final = {
    "responses": {
        "200": {
            "description": "首行列名，UTF-8 带标记 / a first line of headings, UTF-8 with its mark",
            "content": {"text/csv": {"schema": _TEXT}},
        }
    },
}
SHOW: Final = {"responses": {"200": _answer("as its publisher may know it", _SALE)}}
FIND: Final = {
    "responses": {
        "200": _answer(
            "at most 100, newest first", {"type": "object", "properties": {"sales": {"type": "array", "items": _SALE}}}
        )
    }
}
_CACHED: Final = {name: {"schema": {"type": "string"}} for name in ("ETag", "Cache-Control")}
SCHEMA: Final = {
    "responses": {
        "200": {
            "description": "JSON Schema 2020-12",
            "headers": _CACHED,
            "content": {"application/schema+json": {"schema": {"type": "object"}}},
        },
        "304": {"description": "as the ETag says that you have it"},
    },
    "security": [{}],
}
