"""A slow insurer without a memory: inside our own process, or as an HTTP server in one of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self, cast

import aiohttp
from aiohttp import web

TAIL_EVERY: Final = 100
"""One answer in so many is a second late."""
_USUAL_S: Final = 0.190
_LATE_S: Final = 1.190
_BACKLOG: Final = 4_096
"""A thousand callers come at the same moment; who finds the queue full would try again a second later."""
MEAN_S: Final = ((TAIL_EVERY - 1) * _USUAL_S + _LATE_S) / TAIL_EVERY
"""200 ms."""


def patience(count: int) -> float:
    """How long the answer to the call of that number takes."""
    return _LATE_S if count % TAIL_EVERY == 0 else _USUAL_S


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The policy that was asked for."""
    return {
        "data": {
            "frameNo": asked["frameNo"],
            "policyNo": "PDZA202611000000001",
            "companyCode": "91110000MAY1GEUH59",
            "compulsoryPremium": asked["compulsoryPremium"],
            "vesselTax": asked["vesselTax"],
            "startDate": asked["startDate"],
            "endDate": "2027-11-30",
        }
    }


@dataclass(slots=True)
class InProcess:
    """Stands in for an HTTP session, and costs next to nothing: it waits, and gives its answer's bytes.

    `away`: nobody is there, and every call fails to connect.
    """

    patience: Callable[[int], float]
    away: bool = False
    calls: int = 0

    def request(self, _method: str, _url: str, *, json: Mapping[str, Any], **_: Any) -> _Call:
        """One call."""
        self.calls += 1
        return _Call(self.patience(self.calls), json, self.away)


@asynccontextmanager
async def in_process(patience: Callable[[int], float], *, away: bool = False) -> AsyncIterator[aiohttp.ClientSession]:
    """One of these, as whoever calls sees it."""
    yield cast("aiohttp.ClientSession", InProcess(patience, away))


@dataclass(slots=True)
class _Call:
    patience_s: float
    asked: Mapping[str, Any]
    away: bool
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        await asyncio.sleep(self.patience_s)
        if self.away:
            raise aiohttp.ConnectionTimeoutError
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is held."""

    @property
    def content(self) -> Self:
        return self

    async def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
        yield json.dumps(answer(self.asked)).encode()


@asynccontextmanager
async def served(patience: Callable[[int], float]) -> AsyncIterator[str]:
    """Insurers over HTTP, all below one address, which is given; `patience` of the number of a call.

    `PUT /` with `{"dead": [...]}` names those that take calls and never answer, until it is put again.
    """
    calls, dead, turned = 0, frozenset[str](), asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.Response:
        nonlocal calls, dead, turned
        asked = json.loads(await request.read())
        if request.method == "PUT":
            dead = frozenset(asked["dead"])
            turned.set()
            turned = asyncio.Event()
            return web.json_response({})
        while request.path.split("/")[1] in dead:
            await turned.wait()
        calls += 1
        await asyncio.sleep(patience(calls))
        return web.Response(body=json.dumps(answer(asked)).encode(), content_type="application/json")

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=_BACKLOG).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
