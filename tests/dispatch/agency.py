"""An agency that forgives nothing: it writes down every effect that it had, also those it should not have had.

Customs are played, over HTTP and looked up (`tests.plain_customs`); the features under test are put over theirs.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from contracts.numbers.vin import check_digit

LATE_S: Final = 0.4
"""After so long, or once it was looked up in vain, the agency carries out a call that it was late with.

Our patience is over then, what settles is not.
"""
AFTER_A_CRASH_S: Final = 1.5
"""The same where nobody knows when the call ended: our patience and what settles are both not over."""


def vin(number: int) -> str:
    """The VIN of one of many cars."""
    bare = f"LZZTEST00TA{number:06d}"
    return bare[:8] + check_digit(bare) + bare[9:]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request, and whether it was carried out all the same."""

    what: str
    acted: bool = False

    def __str__(self) -> str:
        return f"{self.what}, {'after' if self.acted else 'without'} the effect"


FAULTS: Final = (
    *(Fault(what, acted) for what in ("500", "hang", "reset") for acted in (False, True)),
    *(
        Fault(what, acted=True)
        for what in ("garbage", "wrong schema", "wrong echo", "cut short", "empty", "redirect", "unknown refusal")
    ),
)
"""Every way in which nobody can tell from the answer whether a call was carried out."""


@dataclass
class Customs:
    """`knows_keys`: asked again with a key, it gives its first answer. Otherwise it acts again, every time."""

    knows_keys: bool = False
    calls_go: dict[str, list[Fault]] = field(default_factory=dict)
    look_ups_go: dict[str, list[Fault]] = field(default_factory=dict)
    """What goes wrong with a car's requests, in the order of coming; then all goes well."""
    effects: list[tuple[str, str]] = field(default_factory=list)
    """Car and key of every effect."""
    late_s: float = LATE_S
    declared: set[tuple[str, str]] = field(default_factory=set)
    """Cars and licences, by which a declaration is looked up."""
    calls: list[str] = field(default_factory=list)
    look_ups: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    """When each call and look-up came."""
    acted: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    _silent: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    """By traceparent: the requests that it has, and will never answer."""
    _in_vain: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    """Cars of which a look-up knew nothing."""
    _late: set[asyncio.Task[None]] = field(default_factory=set)

    def effects_on(self, car: str) -> int:
        """How often it was carried out for a car."""
        return [one for one, _ in self.effects].count(car)

    def calls_about(self, car: str) -> int:
        return self.calls.count(car)

    async def silence(self, traceparent: str) -> None:
        """Until it has a request that it will not answer."""
        await self._silent[traceparent].wait()

    async def declare(self, request: web.Request) -> web.StreamResponse:
        """Carry it out, or not, and answer, or not."""
        asked, key = await request.json(), request.headers["Idempotency-Key"]
        car = asked["vinNo"]
        self.at.append(time.monotonic())
        self.calls.append(car)
        self.called.set()
        fault = _next(self.calls_go, car)
        if fault is None or fault.acted:
            self._act(asked, key)
        if fault is not None and fault.what == "late":
            late = asyncio.create_task(self._act_late(asked, key))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
        return await self._spoilt(request, fault, _declared(car))

    async def look_up(self, request: web.Request) -> web.StreamResponse:
        """Say whether it was carried out."""
        assert "Idempotency-Key" not in request.headers, "a question is no deed"
        asked = await request.json()
        car = asked["vinNo"]
        self.at.append(time.monotonic())
        self.look_ups.append(car)
        fault = _next(self.look_ups_go, car)
        if fault is None and (car, asked["licenseNo"]) not in self.declared:
            self._in_vain[car].set()
            return web.json_response({"returnCode": "HG404"}, status=404)
        return await self._spoilt(request, fault, _declared(car))

    async def track(self, request: web.Request) -> web.StreamResponse:
        """Say whether the car has left; a question, which changes nothing."""
        asked = await request.json()
        self.calls.append(asked["vinNo"])
        return await self._spoilt(request, _next(self.calls_go, asked["vinNo"]), asked | {"exitDate": "20260303"})

    def _act(self, asked: dict[str, str], key: str) -> None:
        car = asked["vinNo"]
        self.declared.add((car, asked["licenseNo"]))
        if not (self.knows_keys and (car, key) in self.effects):
            self.effects.append((car, key))
        self.acted.set()

    async def _act_late(self, asked: dict[str, str], key: str) -> None:
        in_vain = self._in_vain[asked["vinNo"]]
        in_vain.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.late_s):
                await in_vain.wait()
        self._act(asked, key)

    async def _spoilt(self, request: web.Request, fault: Fault | None, good: dict[str, str]) -> web.StreamResponse:
        if fault is None:
            return web.json_response(good)
        if fault.what in {"hang", "late"}:
            return await self._hang(request)
        if fault.what in _MISDEEDS:
            return await _MISDEEDS[fault.what](request)
        status, body = _SAYINGS[fault.what]
        raw = json.dumps(good | body).encode() if isinstance(body, dict) else body
        headers = {"Location": str(request.url)} if status == _REDIRECT else {}
        return web.Response(status=status, body=raw, headers=headers)

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        self._silent[request.headers["traceparent"]].set()
        never: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
        return await never


def _next(plan: dict[str, list[Fault]], car: str) -> Fault | None:
    faults = plan.get(car)
    return faults.pop(0) if faults else None


def _declared(car: str) -> dict[str, str]:
    return {"vinNo": car, "entryId": "223320260000012345", "declareDate": "20260302"}


async def _reset(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _cut_short(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await answer.prepare(request)
    await answer.write(b'{"vinNo": "')
    assert request.transport is not None
    request.transport.close()
    return answer


_REDIRECT: Final = 307
_MISDEEDS: Final[dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]] = {
    "reset": _reset,
    "cut short": _cut_short,
}
_SAYINGS: Final[dict[str, tuple[int, bytes | dict[str, str]]]] = {
    "500": (500, b""),
    "503": (503, b""),
    "garbage": (200, b"\x00{]\xff not an answer"),
    "wrong schema": (200, b'{"ok": true, "rows": [[1, 2]]}'),
    "wrong echo": (200, {"vinNo": vin(999_999)}),
    "empty": (200, b""),
    "redirect": (_REDIRECT, b""),
    "refused": (403, {"returnCode": "HG403"}),
    "not yet": (404, {"returnCode": "HG404"}),
    "unknown refusal": (418, {"returnCode": "HG999"}),
}


@asynccontextmanager
async def served(customs: Customs) -> AsyncIterator[str]:
    """The address of the agency."""
    app = web.Application()
    app.router.add_post("/customs/export/declarations", customs.declare)
    app.router.add_post("/customs/export/declarations/query", customs.look_up)
    app.router.add_post("/customs/export/exits", customs.track)
    async with listening(app) as url:
        yield url


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    """An HTTP server whose handlers end with their callers."""
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
