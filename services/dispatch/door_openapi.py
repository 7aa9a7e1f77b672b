"""How dispatch's doors say no, said in OpenAPI."""

from __future__ import annotations

from typing import Any, Final

from services.runtime.problems import MEDIA_TYPE

_FAULT: Final = {
    "type": "object",
    "required": ["code", "field", "reason"],
    "properties": {name: {"type": "string"} for name in ("code", "field", "reason", "suggestion")},
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "faults": {"type": "array", "items": _FAULT},
    },
}


def problem(description: str) -> dict[str, Any]:
    """An answer that is a problem document."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
