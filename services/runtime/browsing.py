"""What holds wherever people open pages of ours: strict headers, small forms, no other site's, their language."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

LARGEST_FORM: Final = 16_384
"""Bytes."""
Tongue = Literal["zh", "en"]
"""The languages that our pages speak."""
STATIC: Final = Path(__file__).with_name("static")
"""What all our pages look like: `palette.css`, the colours and letters, and `icon.svg`."""
_SAFE: Final = frozenset({"GET", "HEAD"})

SECURITY: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: with it a browser sends "Origin: null" with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""No inline script and no inline style: what is not a file of ours does not run."""


def tongue(chosen: str | None, accepted: str) -> Tongue:
    """The language somebody chose, else the one their browser asks for, else Chinese."""
    if chosen in ("zh", "en"):
        return "en" if chosen == "en" else "zh"
    return "en" if accepted.strip().lower().startswith("en") else "zh"


class Refusal(NamedTuple):
    """Why a request is not even looked at."""

    status: HTTPStatus
    text: str


def refusal(method: str, headers: Mapping[str, str]) -> Refusal | None:
    """What is wrong with a request before anybody looks at it: another site's form, or a body without measure."""
    if method in _SAFE:
        return None
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return Refusal(HTTPStatus.FORBIDDEN, "this form is not ours")
    length = headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        return Refusal(HTTPStatus.LENGTH_REQUIRED, "say how long the body is")
    if int(length) > LARGEST_FORM:
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too long")
    return None
