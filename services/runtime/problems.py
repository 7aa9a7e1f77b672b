"""How every service says no over HTTP: a problem document (RFC 9457), which never tells a value back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

MEDIA_TYPE: Final = "application/problem+json"


def kind(code: str) -> str:
    """The URN that programs compare; a code stays what it is for ever."""
    return f"urn:tongche:problem:{code}"


def both(zh: str, en: str) -> str:
    """The same sentence twice, for people."""
    return f"{zh} / {en}"


def document(status: int, code: str | None, /, **members: Any) -> dict[str, Any]:
    """The members of RFC 9457 that all have, and others; without a code the status says it all."""
    return {"type": kind(code) if code else "about:blank", "status": status, **members}


def answer(
    status: int, code: str | None, /, *, headers: Mapping[str, str] | None = None, **members: Any
) -> JSONResponse:
    """The document as an HTTP answer."""
    return JSONResponse(document(status, code, **members), status, headers, media_type=MEDIA_TYPE)


def faults_in(wrong: RequestValidationError) -> list[dict[str, str]]:
    """Where a request is wrong and of what kind, never the value; of an unknown field not even the name.

    That could be personal data put in the wrong place.
    """
    return [{"field": _field(each["loc"][1:], each["type"]), "reason": each["type"]} for each in wrong.errors()]


def _field(place: Sequence[int | str], reason: str) -> str:
    known = place[:-1] if reason == "extra_forbidden" else place
    return ".".join(map(str, known))
