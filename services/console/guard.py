"""What every request meets first: strict headers, small bodies, a log line without anything that was asked."""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability import logs, metrics

LARGEST_BODY: Final = 16_384
_QUIET: Final = frozenset({"/health", "/ready", "/metrics"})
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


class Guard:
    """Pure ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _harden(scope["path"], MutableHeaders(scope=message))
            await send(message)

        refused = refusal(scope["method"], Headers(scope=scope))
        try:
            await (refused or self._app)(scope, receive, answer)
        finally:
            _note(scope, status, time.perf_counter() - began)


def refusal(method: str, headers: Headers) -> PlainTextResponse | None:
    """Return why a request is not even looked at: another site's form, or a body without measure."""
    if method in _SAFE:
        return None
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return PlainTextResponse("this form is not ours", 403)
    length = headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        return PlainTextResponse("say how long the body is", 411)
    if int(length) > LARGEST_BODY:
        return PlainTextResponse("the body is too long", 413)
    return None


def _harden(path: str, headers: MutableHeaders) -> None:
    for name, value in SECURITY.items():
        headers[name] = value
    headers["cache-control"] = "no-cache" if path.startswith("/static/") else "no-store"


def _note(scope: Scope, status: int, seconds: float) -> None:
    # The template, never the path: a path is whatever somebody typed.
    route = getattr(scope.get("route"), "path", "-")
    if scope["path"] in _QUIET or route == "/static":
        return
    method = scope["method"]
    metrics.count("tongche_http_requests_total", method=_known(method), route=route, status=str(status))
    logs.get().info("request", method=_known(method), route=route, status=status, ms=round(seconds * 1000, 1))


def _known(method: str) -> str:
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"
