"""The agencies' doors: one HTTP server for all of them, with whatever is wrong with each at the moment."""

from __future__ import annotations

import asyncio
import hmac
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Never

from aiohttp import web
from pydantic import ValidationError

from contracts.types import instant_text
from observability import metrics
from services.simulator.faults import Faults
from services.simulator.world import Outcome, Unknown, World

_LARGEST: Final = 1024 * 1024
_UNANSWERED: Final = 0
"""The status in the list of requests where no answer was sent."""
_GARBAGE: Final = b"\x00\x1f{]}<<<\xff\xfe not an answer"
_WRONG_SCHEMA: Final = b'{"ok":true,"rows":[[1,2],[3,4]]}'
_SERVER_ERROR: Final = b"<html><body><h1>500 Internal Server Error</h1></body></html>"
_BLANK: Final = b" " * 65_536
_ENDLESS: Final = 10 * 1024**3

Chance = Callable[[], float]
Pause = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Doors:
    """The HTTP face of a world. `chance` draws for rates, `pause` lets time pass; `ready` tells what is missing."""

    world: World
    token: str
    ready: Callable[[], list[str]] = list
    chance: Chance = random.random
    pause: Pause = asyncio.sleep
    _window: dict[str, tuple[int, int]] = field(default_factory=dict)
    _last: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def app(self) -> web.Application:
        """The application; run it with `handler_cancellation`, or hanging requests outlive their callers."""
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_get("/health", self._health)
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/_faults", self._show_faults)
        app.router.add_put("/_faults/{organisation}", self._turn_faults)
        app.router.add_delete("/_faults/{organisation}", self._heal)
        app.router.add_post("/{organisation}/{path:.+}", self._agency)
        return app

    async def _agency(self, request: web.Request) -> web.StreamResponse:
        organisation = request.match_info["organisation"]
        try:
            faults = self.world.faults(organisation)
        except Unknown:
            return web.json_response({"error": "unknown organisation"}, status=404)
        call = _Call(self, request, organisation, faults)
        return await call.answered()

    def over_limit(self, organisation: str, limit: int | None) -> bool:
        """Count a request against its second."""
        if limit is None:
            return False
        second = int(asyncio.get_running_loop().time())
        before, count = self._window.get(organisation, (second, 0))
        count = count + 1 if before == second else 1
        self._window[organisation] = (second, count)
        return count > limit

    def previous(self, organisation: str, status: int, raw: bytes) -> tuple[int, bytes]:
        """The answer before this one, which takes its place for the next time."""
        before = self._last.get(organisation, (status, raw))
        self._last[organisation] = (status, raw)
        return before

    # The operators' side

    def _demand_operator(self, request: web.Request) -> None:
        told = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(told, f"Bearer {self.token}".encode()):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})

    async def _show_faults(self, request: web.Request) -> web.Response:
        self._demand_operator(request)
        knobs = self.world.country.knobs
        return web.json_response({name: faults.model_dump(mode="json") for name, faults in knobs.items()})

    async def _turn_faults(self, request: web.Request) -> web.Response:
        self._demand_operator(request)
        organisation = request.match_info["organisation"]
        change = _parsed(await request.read())
        if not isinstance(change, dict):
            return web.json_response({"error": "an object of knobs is needed"}, status=400)
        try:
            faults = self.world.faults(organisation).merged(change)
        except Unknown:
            return web.json_response({"error": "unknown organisation"}, status=404)
        except ValidationError as wrong:
            told = [{"knob": ".".join(map(str, each["loc"])), "reason": each["msg"]} for each in wrong.errors()]
            return web.json_response({"error": "no such knob or value", "faults": told}, status=422)
        self.world.turn(organisation, faults)
        return web.json_response(faults.model_dump(mode="json"))

    async def _heal(self, request: web.Request) -> web.Response:
        self._demand_operator(request)
        organisation = request.match_info["organisation"]
        try:
            self.world.faults(organisation)
        except Unknown:
            return web.json_response({"error": "unknown organisation"}, status=404)
        self.world.turn(organisation, None)
        return web.Response(status=204)

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "alive", "service": "simulator"})

    async def _ready(self, _: web.Request) -> web.Response:
        missing = self.ready()
        return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})


@dataclass(slots=True)
class _Call:
    """One request at one organisation's door."""

    doors: Doors
    request: web.Request
    organisation: str
    faults: Faults
    operation: str = ""

    async def answered(self) -> web.StreamResponse:
        """Go through what may go wrong before, then the agency, then what may go wrong after."""
        await self._delay()
        early = await self._before()
        if early is not None:
            return early
        try:
            outcome = await self._outcome(_parsed(await self.request.read()))
        except Unknown:
            return self._respond(404, b'{"error":"unknown service"}')
        self.operation = outcome.operation
        return await self._after(outcome)

    async def _outcome(self, body: Any) -> Outcome:
        key = self.request.headers.get("Idempotency-Key", "")
        return await self.doors.world.handle(self.organisation, "/" + self.request.match_info["path"], key, body)

    async def _delay(self) -> None:
        tail = self.faults.tail_ms if self._drawn(self.faults.tail_rate) else 0
        wait = self.faults.delay_ms + tail
        if wait:
            await self.doors.pause(wait / 1000)

    async def _before(self) -> web.Response | None:
        faults = self.faults
        if faults.down == "refuse":
            await self._cut()
        if faults.down == "503":
            pause = {} if faults.retry_after_s is None else {"Retry-After": str(faults.retry_after_s)}
            return self._respond(503, self._busy(), pause)
        if self.doors.over_limit(self.organisation, faults.throttle_per_s):
            return self._respond(429, b"", {"Retry-After": "1"})
        if self._drawn(faults.hang):
            await self._hang()
        return self._respond(500, _SERVER_ERROR, _HTML) if self._drawn(faults.error_rate) else None

    def _busy(self) -> bytes:
        """That it is down, in the agency's own words: every one has a code for it."""
        tongue = self.doors.world.country.agencies[self.organisation].tongue
        _, answer = tongue.refusal(next(code for code in tongue.words if code.endswith("503")))
        return json.dumps(answer, ensure_ascii=False).encode()

    async def _after(self, outcome: Outcome) -> web.StreamResponse:
        faults = self.faults
        before = self.doors.previous(self.organisation, outcome.status, outcome.raw)
        if outcome.silent or (outcome.fresh and self._drawn(faults.success_then_timeout)):
            await self._hang()
        if self._drawn(faults.late):
            await self.doors.pause(faults.late_ms / 1000)
        if self._drawn(faults.huge):
            return await self._endless()
        if self._drawn(faults.garbage):
            return self._respond(200, _GARBAGE)
        if self._drawn(faults.wrong_schema):
            return self._respond(200, _WRONG_SCHEMA)
        if self._drawn(faults.duplicate):
            return self._respond(*before)
        return self._respond(outcome.status, outcome.raw, dict(outcome.headers))

    def _drawn(self, rate: float) -> bool:
        return rate > 0 and self.doors.chance() < rate

    def _respond(self, status: int, raw: bytes, headers: dict[str, str] | None = None) -> web.Response:
        self._note(status)
        told = {"Content-Type": "application/json"} | _titled(headers or {})
        return web.Response(status=status, body=raw, headers=told)

    async def _endless(self) -> web.StreamResponse:
        """Ten gigabytes of spaces, which JSON allows, before an answer that nobody will see."""
        self._note(200)
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(self.request)
        for _ in range(_ENDLESS // len(_BLANK)):
            await answer.write(_BLANK)
        return answer

    async def _cut(self) -> Never:
        self._note(_UNANSWERED)
        if self.request.transport is not None:
            self.request.transport.abort()
        await _forever()

    async def _hang(self) -> Never:
        self._note(_UNANSWERED)
        await _forever()

    def _note(self, status: int) -> None:
        world = self.doors.world
        world.journal.note(
            "requests",
            {
                "at": instant_text(world.country.clock.now()),
                "organisation": self.organisation,
                "operation": self.operation or self._operation_of_path(),
                "key": self.request.headers.get("Idempotency-Key", ""),
                "traceparent": self.request.headers.get("traceparent"),
                "status": status,
            },
        )

    def _operation_of_path(self) -> str:
        services = self.doors.world.country.agencies[self.organisation].services
        service = services.get("/" + self.request.match_info["path"])
        return service.operation if service else ""


_HTML: Final = {"Content-Type": "text/html"}


def _titled(headers: dict[str, str]) -> dict[str, str]:
    """One spelling for each header, so that a later one replaces an earlier."""
    return {name.title(): value for name, value in headers.items()}


def _parsed(raw: bytes) -> Any:
    """The JSON of a body; None, which every agency refuses, for what is none or could not be written down again."""
    try:
        body = json.loads(raw, parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return body


def _no_constant(name: str) -> Never:
    raise ValueError(name)


async def _forever() -> Never:
    """Until the caller gives up: its going cancels us."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError
