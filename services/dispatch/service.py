"""The dispatch service: lanes for every organisation, and the operators' interface to what waits."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, Final

import aiohttp
from fastapi import Depends, FastAPI, HTTPException
from pydantic import AfterValidator, BaseModel, ConfigDict
from sqlalchemy import Connection

from adapters.organisations import ORGANISATIONS, Organisation
from contracts import topics
from contracts.codes import CODES
from contracts.types import Reason as PlainReason
from observability import metrics, redaction
from services.runtime import parking
from services.runtime.breaker import Breaker, State
from services.runtime.face import Runtime
from services.runtime.lanes import Lane, Lanes
from services.runtime.operator import operator
from services.runtime.owner import Fence
from services.runtime.parking import Parked
from services.runtime.record import read
from services.runtime.sql import upsert
from services.runtime.store import waited_out
from services.runtime.tables import breaker as breakers

from .calls import Agency
from .deliveries import Deliveries
from .voice import Voice

LANES_AT_ONCE: Final = 128
"""More lanes than calls: waiting for the store or for Kafka must not hold an organisation's place."""
_MOST_LISTED: Final = 1000
_STATE_NUMBER: Final = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


class Reason(BaseModel):
    """Why a person does something; what looks like somebody's number in it is masked."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[PlainReason, AfterValidator(redaction.text)]


@dataclass(slots=True)
class Desk:
    """One organisation's deliveries and the lanes that they come through."""

    deliveries: Deliveries
    lanes: Lanes
    since: float = field(default_factory=time.time)


@dataclass(slots=True)
class Dispatch:
    """All desks of this process."""

    runtime: Runtime
    desks: dict[str, Desk] = field(default_factory=dict)
    _changes: asyncio.Queue[Breaker] = field(default_factory=asyncio.Queue)
    _http: aiohttp.ClientSession | None = None

    def open(self, organisation: Organisation, http: aiohttp.ClientSession) -> None:
        """Start to deliver to an organisation."""
        runtime = self.runtime
        name = f"dispatch.{organisation.id}"
        agency = Agency(organisation, organisation.url or runtime.settings.simulator_url, http)
        fence = Fence(runtime.store, name, runtime.slot)
        deliveries = Deliveries(
            agency,
            Voice(organisation, runtime.clock, runtime.ids),
            runtime.store,
            runtime.producer,
            fence,
            Breaker(organisation.id, self._changed),
        )
        limits = agency.adapter.limits
        lane = Lane(
            name,
            (topics.commands(organisation.id).name,),
            runtime.settings.kafka,
            runtime.slot,
            at_once=LANES_AT_ONCE,
            records=limits.records,
            held_bytes=limits.bytes,
        )
        self.desks[organisation.id] = Desk(deliveries, runtime.work(lane, deliveries))
        runtime.background(f"lease {organisation.id}", fence.renew)
        runtime.background(f"parked {organisation.id}", deliveries.try_parked)

    def _changed(self, changed: Breaker) -> None:
        desk = self.desks[changed.organisation]
        desk.since = time.time()
        metrics.gauge("tongche_breaker_state", _STATE_NUMBER[changed.state], organisation=changed.organisation)
        self._changes.put_nowait(changed)

    async def keep_breakers(self) -> None:
        """Write every change of a breaker into the store, for those who look after a restart."""
        while True:
            changed = await self._changes.get()
            row = {
                "organisation": changed.organisation,
                "state": changed.state.value,
                "since": time.time(),
                "reason": changed.reason,
                "probe_at": None,
            }
            await waited_out(partial(self.runtime.store.run, partial(_keep, row)))

    async def organisations(self) -> list[dict[str, Any]]:
        """Every organisation: its breaker and why, and how many deliveries are held, parked and dead."""
        counts = await self.runtime.store.read(parking.counts)
        return [await self._organisation(name, desk, counts) for name, desk in self.desks.items()]

    async def _organisation(self, name: str, desk: Desk, counts: dict[tuple[str, str], int]) -> dict[str, Any]:
        breaker, consumer = desk.deliveries.breaker, desk.deliveries.consumer
        organisation = desk.deliveries.agency.organisation
        held = 0 if breaker.state is State.CLOSED else await desk.lanes.backlog()
        return {
            "id": name,
            "zh": organisation.zh,
            "en": organisation.en,
            "state": breaker.state.value,
            "reason": breaker.reason,
            "since": desk.since,
            "held": held,
            "parked": counts.get((consumer, "parked"), 0) + counts.get((consumer, "answered"), 0),
            "dead": counts.get((consumer, "dead"), 0),
            "in_flight": desk.deliveries.in_flight,
        }

    async def deliveries(self, state: parking.State | None, case: str | None) -> list[dict[str, Any]]:
        """What is parked or dead, oldest first, of one case or of all."""
        rows = await self.runtime.store.read(lambda connection: parking.listed(connection, None, state, _MOST_LISTED))
        told = [_told(row) for row in rows]
        return [row for row in told if case in (None, row["case"])]

    async def retry(self, id_: str, reason: str) -> None:
        """Try a delivery again now. Raises 404 where there is none that waits."""
        for desk in self.desks.values():
            if await desk.deliveries.retry(id_, reason):
                return
        raise HTTPException(404, "no such delivery waits, or it is being tried at this moment")

    async def cancel(self, id_: str, reason: str) -> None:
        """Give a delivery up. Raises 404 where there is none that waits."""
        for desk in self.desks.values():
            if await desk.deliveries.cancel(id_, reason):
                return
        raise HTTPException(404, "no such delivery waits, or it is being tried at this moment")


def build(runtime: Runtime) -> FastAPI:
    """Open a desk for every organisation and give operators their interface."""
    dispatch = Dispatch(runtime)
    http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30))
    for organisation in ORGANISATIONS.values():
        dispatch.open(organisation, http)
    runtime.background("breakers", dispatch.keep_breakers)
    runtime.closing(http.close)
    app = FastAPI(title="Tongche dispatch", docs_url=None, redoc_url=None)
    _routes(app, dispatch)
    return app


def _routes(app: FastAPI, dispatch: Dispatch) -> None:
    only = [Depends(operator(dispatch.runtime.secrets))]

    @app.get("/v1/organisations", dependencies=only)
    async def organisations() -> list[dict[str, Any]]:
        return await dispatch.organisations()

    @app.get("/v1/deliveries", dependencies=only)
    async def deliveries(state: parking.State | None = None, case: str | None = None) -> list[dict[str, Any]]:
        return await dispatch.deliveries(state, case)

    @app.post("/v1/deliveries/{delivery_id}/retry", dependencies=only)
    async def retry(delivery_id: str, why: Reason) -> dict[str, str]:
        await dispatch.retry(delivery_id, why.reason)
        return {"id": delivery_id, "state": "parked"}

    @app.post("/v1/deliveries/{delivery_id}/cancel", dependencies=only)
    async def cancel(delivery_id: str, why: Reason) -> dict[str, str]:
        await dispatch.cancel(delivery_id, why.reason)
        return {"id": delivery_id, "state": "cancelled"}


def _keep(row: dict[str, Any], connection: Connection) -> None:
    upsert(connection, breakers, ["organisation"], row)


def _told(row: Parked) -> dict[str, Any]:
    """A parked delivery for people: whose, what, why; none of the command's data."""
    command = read(row.record)
    last = row.history[-1] if row.history else {}
    code = CODES.get(last.get("code") or "")
    return {
        "id": row.record.id,
        "case": command.envelope.subject,
        "organisation": row.consumer.removeprefix("dispatch."),
        "command": command.envelope.type.removeprefix("tongche.").rsplit(".", 1)[0],
        "state": row.state,
        "tries": row.tries,
        "since": row.since,
        "next_try_at": None if row.state == "dead" else row.not_before,
        "failure": row.failure,
        "reason": row.reason,
        "code": last.get("code"),
        "code_zh": code.zh if code else None,
        "code_en": code.en if code else None,
    }
