"""Dispatch's interface for people and their pages: look for deliveries, decide about one, repair many.

A VIN travels in a body only; everything else in an address is an id of ours.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from services.runtime import parking
from services.runtime.operator import operator
from services.runtime.settings import Secrets

from .desk import Desk
from .forms import Answering, Editing, Planning, Reasoned, Starting, Turning
from .lineage import Because, Name
from .search import LONGEST_PAGE, Search

_Most = Annotated[int, Query(ge=1, le=LONGEST_PAGE)]
Told = dict[str, Any]


def routes(desk: Desk, secrets: Secrets) -> APIRouter:
    """All of it, for whoever holds the operator's token."""
    router = APIRouter(prefix="/v1", dependencies=[Depends(operator(secrets))])
    _organisations(router, desk)
    _deliveries(router, desk)
    _acts(router, desk)
    _repairs(router, desk)
    return router


def _organisations(router: APIRouter, desk: Desk) -> None:
    @router.get("/organisations")
    async def organisations() -> list[Told]:
        return await desk.organisations()

    @router.post("/organisations/{organisation}/pause")
    async def pause(organisation: str, why: Reasoned) -> Told:
        return {"id": organisation, "state": await desk.pause(organisation, why.because())}

    @router.post("/organisations/{organisation}/resume")
    async def resume(organisation: str, why: Reasoned) -> Told:
        return {"id": organisation, "state": await desk.resume(organisation, why.because())}


def _deliveries(router: APIRouter, desk: Desk) -> None:
    @router.post("/deliveries/search")
    async def search(search: Search) -> Told:
        return await desk.search(search)

    @router.get("/deliveries")
    async def of_case(case: str, state: parking.State | None = None) -> list[Told]:
        return await desk.of_case(case, state)

    @router.get("/deliveries/{delivery_id}")
    async def show(delivery_id: str) -> Told:
        return await desk.show(delivery_id)

    @router.post("/deliveries/{delivery_id}/reveal")
    async def reveal(delivery_id: str, why: Reasoned) -> Told:
        return await desk.reveal(delivery_id, why.because())


def _acts(router: APIRouter, desk: Desk) -> None:
    @router.post("/deliveries/{delivery_id}/retry")
    async def retry(delivery_id: str, why: Reasoned) -> Told:
        await desk.retry(delivery_id, why.because())
        return {"id": delivery_id, "state": "parked"}

    @router.post("/deliveries/{delivery_id}/cancel")
    async def cancel(delivery_id: str, why: Reasoned) -> Told:
        await desk.cancel(delivery_id, why.because())
        return {"id": delivery_id, "state": "cancelled"}

    @router.post("/deliveries/{delivery_id}/edit")
    async def edit(delivery_id: str, wish: Editing) -> Told:
        revision = await desk.edit(delivery_id, wish.change(), wish.because())
        return {"id": delivery_id, "state": "parked", "revision": revision}

    @router.post("/deliveries/{delivery_id}/clear-up")
    async def clear_up(delivery_id: str, why: Reasoned) -> Told:
        return {"id": delivery_id, "cleared": await desk.clear_up(delivery_id, why.because())}

    @router.post("/deliveries/{delivery_id}/answer")
    async def answer(delivery_id: str, given: Answering) -> Told:
        await desk.answer(delivery_id, given.data, given.because())
        return {"id": delivery_id, "state": "settled"}


def _repairs(router: APIRouter, desk: Desk) -> None:
    @router.post("/repairs")
    async def plan(wish: Planning) -> Told:
        return await desk.plan(wish.act, wish.filter, wish.because())

    @router.get("/repairs")
    async def repairs(after: str | None = None, most: _Most = 50) -> Told:
        return await desk.repairs(after, most)

    @router.get("/repairs/{repair_id}")
    async def show(repair_id: str) -> Told:
        return await desk.repair(repair_id)

    @router.get("/repairs/{repair_id}/items")
    async def items(repair_id: str, after: Annotated[int, Query(ge=0)] = 0, most: _Most = 100) -> Told:
        return await desk.items(repair_id, after, most)

    @router.post("/repairs/{repair_id}/run")
    async def run(repair_id: str, wish: Starting) -> Told:
        return await turn(repair_id, "run", wish, wish.per_second)

    @router.post("/repairs/{repair_id}/pause")
    async def pause(repair_id: str, wish: Turning) -> Told:
        return await turn(repair_id, "halt", wish)

    @router.post("/repairs/{repair_id}/cancel")
    async def cancel(repair_id: str, wish: Turning) -> Told:
        return await turn(repair_id, "abandon", wish)

    async def turn(repair_id: str, act: Name, wish: Turning, per_second: float | None = None) -> Told:
        reason = wish.reason or (await desk.repair(repair_id))["reason"]
        return await desk.turn(repair_id, act, Because(reason, wish.by), per_second)
