"""Puts the console together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from contracts import topics
from services.console import api, holdings, pages, projection
from services.console.feed import Feed
from services.console.guard import Guard
from services.console.organisations import Organisations, from_dispatch
from services.console.parts import Parts
from services.console.reckoning import Reckoner
from services.runtime import browsing, problems
from services.runtime.clock import Clock
from services.runtime.face import Runtime
from services.runtime.store import Store
from services.runtime.subscription import Subscription

STATIC: Final = Path(__file__).with_name("static")
SPANS_KEPT: Final = timedelta(days=7)
_PRUNE_EVERY_SECONDS: Final = 60.0
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]", "::1")


def build(runtime: Runtime) -> FastAPI:
    """Follow the topics, and show what they tell."""
    fetch = from_dispatch(runtime.settings, runtime.secrets.operator_token)
    organisations, feed = Organisations(fetch), Feed(runtime.store)
    runtime.subscribe(Subscription("console", (topics.CASE_EVENTS.name, topics.DELIVERY_EVENTS.name), projection.apply))
    runtime.subscribe(Subscription("console.spans", (topics.TELEMETRY_SPANS.name,), projection.apply))
    runtime.background("organisations", organisations.run)
    runtime.background("feed", feed.run)
    reckoner = Reckoner(runtime.store, runtime.clock)
    runtime.background("reckoning", reckoner.run)
    runtime.background("prune", partial(prune, runtime.store, runtime.clock))
    runtime.holds(*holdings.holdings(SPANS_KEPT), messages=frozenset())
    bind = runtime.settings.bind
    return application(Parts(runtime.store, runtime.secrets, runtime.clock, organisations, feed, reckoner, bind))


def application(parts: Parts) -> FastAPI:
    """The pages and the JSON interface."""
    app = FastAPI(title="Tongche console", docs_url=None, redoc_url=None, openapi_url=None)
    shared = ("services.runtime", browsing.STATIC.name)
    app.mount("/static", StaticFiles(directory=STATIC, packages=[shared]), name="static")
    app.include_router(api.router(parts))
    site = pages.Site(parts)
    app.include_router(pages.router(site))
    _explain_errors(app, site)
    if parts.bind in _LOOPBACK:
        # Another site's name that resolves to this machine must not get our pages.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])
    app.add_middleware(Guard)
    return app


async def prune(store: Store, clock: Clock) -> None:
    """Forget what is too old, a little at a time, for as long as the service lives."""
    while True:
        before = int((clock.now() - SPANS_KEPT).timestamp() * 1e9)
        gone = await store.run(partial(projection.prune, before_ns=before))
        await asyncio.sleep(1.0 if gone else _PRUNE_EVERY_SECONDS)


def _explain_errors(app: FastAPI, site: pages.Site) -> None:
    @app.exception_handler(HTTPException)
    async def failed(request: Request, wrong: HTTPException) -> Response:
        if request.url.path.startswith("/api/"):
            return _problem(wrong.status_code, str(wrong.detail), wrong.headers)
        return site.error(request, wrong)

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, wrong: RequestValidationError) -> Response:
        # Says which field, and never what stood in it.
        fields = ", ".join(sorted({".".join(map(str, error["loc"])) for error in wrong.errors()}))
        if request.url.path.startswith("/api/"):
            return _problem(422, f"not readable: {fields}")
        return site.error(request, HTTPException(422, fields))


def _problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return problems.answer(status, None, headers=headers, title=HTTPStatus(status).phrase, detail=detail)
