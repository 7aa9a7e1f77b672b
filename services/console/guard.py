"""What every request meets first: strict headers, small bodies, a log line without anything that was asked."""

from __future__ import annotations

import time
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability import logs, metrics
from services.runtime.browsing import SECURITY, refusal

_QUIET: Final = frozenset({"/health", "/ready", "/metrics"})


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

        refused = _refusal(scope["method"], Headers(scope=scope))
        try:
            await (refused or self._app)(scope, receive, answer)
        finally:
            _note(scope, status, time.perf_counter() - began)


def _refusal(method: str, headers: Headers) -> PlainTextResponse | None:
    refused = refusal(method, headers)
    return None if refused is None else PlainTextResponse(refused.text, refused.status)


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
