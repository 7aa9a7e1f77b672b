"""The dispatch service: lanes for every organisation, and the operators' interface to what waits."""

from __future__ import annotations

import os
import time
from typing import Annotated, Any, Final

import aiohttp
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict

from adapters.organisations import ORGANISATIONS, Organisation
from adapters.registry import ADAPTERS
from adapters.spec import Features
from contracts import topics
from contracts.types import Reason as PlainReason
from observability import redaction
from services.runtime import parking
from services.runtime.breaker import Breaker
from services.runtime.face import Runtime
from services.runtime.gate import Gate
from services.runtime.lanes import Lane
from services.runtime.operator import operator
from services.runtime.owner import Fence
from services.runtime.store import StoreUnavailable

from .attempts import Attempts
from .book import Book
from .breakers import Breakers
from .calls import Agency, connections
from .decisions import CannotDecide, Decisions, Why
from .deliveries import Deliveries
from .desk import Counter, Desk
from .voice import Voice

_CANNOT: Final[dict[Why, tuple[int, str]]] = {
    "unknown": (404, "没有等待中的这一投递 / no such delivery waits"),
    "being-tried": (409, "此刻正在尝试，请稍后再定 / it is being tried at this moment; decide in a minute"),
    "answered": (409, "已有答复 / it has its answer already"),
}


class Reason(BaseModel):
    """Why a person does something; what looks like somebody's number in it is masked."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[PlainReason, AfterValidator(redaction.text)]


def build(runtime: Runtime) -> FastAPI:
    """Open a counter for every organisation and give operators their interface."""
    http = {features: connections(features) for features in Features}
    for session in http.values():
        runtime.closing(session.close)
    breakers = Breakers(runtime.store, f"{runtime.slot}/{os.getpid()}@{time.time_ns()}")
    counters = {name: _counter(runtime, organisation, http) for name, organisation in ORGANISATIONS.items()}
    for counter in counters.values():
        breakers.add(counter.deliveries.attempts.gate)
    runtime.background("breakers", breakers.run)
    app = FastAPI(title="Tongche dispatch", docs_url=None, redoc_url=None)
    _routes(app, runtime, Desk(runtime.store, breakers, counters))
    app.exception_handler(CannotDecide)(_cannot)
    app.exception_handler(StoreUnavailable)(_away)
    return app


def _counter(runtime: Runtime, organisation: Organisation, http: dict[Features, aiohttp.ClientSession]) -> Counter:
    name = f"dispatch.{organisation.id}"
    session = http[ADAPTERS[organisation.adapter].features]
    agency = Agency(organisation, organisation.url or runtime.settings.simulator_url, session)
    limits = organisation.limits
    voice = Voice(organisation, runtime.clock, runtime.ids)
    book = Book(runtime.store, Fence(runtime.store, name, runtime.slot), agency.adapter.features)
    gate = Gate(Breaker(organisation.id), limits.concurrency, limits.per_second)
    deliveries = Deliveries(Attempts(agency, voice, book, gate, runtime.clock), runtime.producer)
    lane = Lane(
        name,
        (topics.commands(organisation.id).name,),
        runtime.settings.kafka,
        runtime.slot,
        # Every lane in the window is at work: the gate limits the calls, and who waits there minds its own deadline.
        at_once=limits.records,
        records=limits.records,
        held_bytes=limits.bytes,
    )
    runtime.background(f"lease {organisation.id}", book.fence.renew)
    runtime.background(f"parked {organisation.id}", deliveries.heads.run)
    decisions = Decisions(agency, voice, runtime.store, runtime.clock, name)
    return Counter(deliveries, runtime.work(lane, deliveries), decisions)


def _routes(app: FastAPI, runtime: Runtime, desk: Desk) -> None:
    only = [Depends(operator(runtime.secrets))]

    @app.get("/v1/organisations", dependencies=only)
    async def organisations() -> list[dict[str, Any]]:
        return await desk.organisations()

    @app.post("/v1/organisations/{organisation}/pause", dependencies=only)
    async def pause(organisation: str, why: Reason) -> dict[str, str]:
        if not desk.pause(organisation, why.reason):
            raise _no_organisation()
        return {"id": organisation, "state": "open"}

    @app.post("/v1/organisations/{organisation}/resume", dependencies=only)
    async def resume(organisation: str) -> dict[str, str]:
        if not desk.resume(organisation):
            raise _no_organisation()
        return {"id": organisation, "state": "half-open"}

    @app.get("/v1/deliveries", dependencies=only)
    async def deliveries(state: parking.State | None = None, case: str | None = None) -> list[dict[str, Any]]:
        return await desk.deliveries(state, case)

    @app.post("/v1/deliveries/{delivery_id}/retry", dependencies=only)
    async def retry(delivery_id: str, why: Reason) -> dict[str, str]:
        await desk.retry(delivery_id, why.reason)
        return {"id": delivery_id, "state": "parked"}

    @app.post("/v1/deliveries/{delivery_id}/cancel", dependencies=only)
    async def cancel(delivery_id: str, why: Reason) -> dict[str, str]:
        await desk.cancel(delivery_id, why.reason)
        return {"id": delivery_id, "state": "cancelled"}


async def _cannot(_: Request, cannot: CannotDecide) -> JSONResponse:
    status, detail = _CANNOT[cannot.why]
    return JSONResponse({"detail": detail}, status)


async def _away(_: Request, why: StoreUnavailable) -> JSONResponse:
    detail = f"数据库暂不可写，请稍后重试 / the database takes no writes now, try again later: {why}"
    return JSONResponse({"detail": detail}, 503)


def _no_organisation() -> HTTPException:
    return HTTPException(404, "没有这个机构 / no such organisation")
