"""The operators' side: the knobs of every organisation, and the usual three addresses."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from pydantic import ValidationError

from contracts.types import instant_text
from observability import metrics
from services.runtime.settings import Secrets
from services.simulator.faces.http import HttpDoors
from services.simulator.faces.rest import parsed
from services.simulator.world import Unknown, World

_VIN: Final = re.compile(r"[A-HJ-NPR-Z0-9]{17}")


@dataclass(frozen=True, slots=True)
class Operators:
    """What only the operator may do. `ready` tells what is missing; `plain` are all organisations as JSON."""

    world: World
    secrets: Secrets
    ready: Callable[[], list[str]]
    plain: HttpDoors

    def install(self, app: web.Application) -> None:
        """Give an application our addresses; they begin with what no organisation's id begins with."""
        app.router.add_get("/health", self._health)
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/_faults", self._show_faults)
        app.router.add_put("/_faults/{organisation}", self._turn_faults)
        app.router.add_delete("/_faults/{organisation}", self._heal)
        app.router.add_post("/_trials", self._begin_trial)
        app.router.add_post("/_plain/{organisation}/{path:.+}", self._ask_plainly)

    def _demand_operator(self, request: web.Request) -> None:
        told = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(told, f"Bearer {self.secrets.operator_token}".encode()):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})

    async def _show_faults(self, request: web.Request) -> web.Response:
        self._demand_operator(request)
        knobs = self.world.country.knobs
        return web.json_response({name: faults.model_dump(mode="json") for name, faults in knobs.items()})

    async def _turn_faults(self, request: web.Request) -> web.Response:
        self._demand_operator(request)
        organisation = request.match_info["organisation"]
        change = parsed(await request.read())
        if not isinstance(change, dict):
            return web.json_response({"error": "an object of knobs is needed"}, status=400)
        try:
            faults = self.world.turned(organisation).merged(change)
            self.world.check(organisation, faults)
        except Unknown:
            return web.json_response({"error": "unknown organisation"}, status=404)
        except ValidationError as wrong:
            told = [{"knob": ".".join(map(str, each["loc"])), "reason": each["msg"]} for each in wrong.errors()]
            return web.json_response({"error": "no such knob or value", "faults": told}, status=422)
        self.world.turn(organisation, faults)
        return web.json_response(self.world.turned(organisation).model_dump(mode="json"))

    async def _heal(self, request: web.Request) -> web.Response:
        self._demand_operator(request)
        organisation = request.match_info["organisation"]
        try:
            self.world.turned(organisation)
        except Unknown:
            return web.json_response({"error": "unknown organisation"}, status=404)
        self.world.turn(organisation, None)
        return web.Response(status=204)

    async def _begin_trial(self, request: web.Request) -> web.Response:
        """Somebody is about to test agencies with cars that nobody sells; their books say so before they come."""
        self._demand_operator(request)
        told = parsed(await request.read())
        cars = told.get("vins") if isinstance(told, dict) else None
        if not isinstance(cars, list) or not all(isinstance(one, str) and _VIN.fullmatch(one) for one in cars):
            return web.json_response({"error": "the VINs of its cars are needed"}, status=422)
        at = instant_text(self.world.country.clock.now())
        self.world.journal.write("trials", {"at": at, "vins": cars})
        await self.world.journal.durable()
        return web.Response(status=204)

    async def _ask_plainly(self, request: web.Request) -> web.StreamResponse:
        """Whatever style it speaks, an organisation can be asked in JSON by its operator: for trying and arranging."""
        self._demand_operator(request)
        return await self.plain.answer(request)

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "alive", "service": "simulator"})

    async def _ready(self, _: web.Request) -> web.Response:
        missing = self.ready()
        return web.json_response({"ready": not missing, "missing": missing}, status=503 if missing else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})
