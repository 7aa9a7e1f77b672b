"""The console as JSON, for the command line and for whoever holds the operator's token."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, HTTPException, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from contracts.case import CaseKind
from services.console import archive, stats, views, words
from services.console.feed import Feed, TooManyFollowers
from services.console.organisations import Organisation
from services.console.parts import Parts
from services.console.views import Case, Contradiction
from services.runtime.operator import operator
from services.runtime.store import StoreUnavailable

Group = Literal["open", "hold", "manual", "unfinished", "closed", "cancelled", "refused"]
LastEvent = Annotated[str | None, Header(alias="Last-Event-ID")]


class Search(BaseModel):
    """What is looked for stands in the body, so that no VIN stands in an address."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(min_length=1, max_length=80)]


def router(parts: Parts) -> APIRouter:
    """The routes under `/api`."""
    api = APIRouter(prefix="/api", dependencies=[Depends(operator(parts.secrets))])
    store = parts.store

    @api.get("/status")
    async def status() -> dict[str, Any]:
        return await standing(parts)

    @api.post("/search")
    async def search(wanted: Search) -> dict[str, Any]:
        found = await store.read(lambda connection: archive.search(connection, wanted.q))
        return {"cases": [asdict(each) for each in found]}

    @api.get("/cases")
    async def listed(state: Group | None = None, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> dict[str, Any]:
        found = await store.read(lambda connection: archive.listed(connection, state, limit))
        return {"cases": [asdict(each) for each in found]}

    @api.get("/stats/cases")
    async def times(kind: CaseKind = "new-car", since: date | None = None) -> dict[str, Any]:
        return await how_long(parts, stats.Wanted(kind, since))

    @api.get("/cases/{case_id}")
    async def case(case_id: str) -> dict[str, Any]:
        return plain(await known_case(parts, case_id))

    @api.get("/cases/{case_id}/trace")
    async def trace(case_id: str) -> dict[str, Any]:
        await known_case(parts, case_id)
        return asdict(await store.read(lambda connection: archive.trace(connection, case_id)))

    @api.get("/tail")
    async def tail(last_event_id: LastEvent = None, case: str | None = None) -> StreamingResponse:
        return await stream(parts.feed, last_event_id, case)

    return api


async def standing(parts: Parts) -> dict[str, Any]:
    """How everything stands. Without dispatch, what is parked or dead is what the deliveries told."""

    def read(connection: Connection) -> tuple[dict[str, int], dict[str, int]]:
        return archive.counts(connection), archive.delivery_counts(connection)

    organisations = parts.organisations
    cases, told = await parts.store.read(read)
    listed = [each.model_dump() | {"said": _said_of(each)} for each in organisations.known]
    sums = organisations.sums()
    deliveries = sums if organisations.fresh else {"held": sums["held"], **told}
    return {"cases": cases, "deliveries": deliveries, "organisations": listed, "fresh": organisations.fresh}


async def how_long(parts: Parts, wanted: stats.Wanted) -> dict[str, Any]:
    """How long cases, steps and answers take, as everything stands now but for the cases that are `behind`."""
    try:
        behind = await parts.reckoner.now()
    except StoreUnavailable:
        raise HTTPException(503, "the store cannot be written now", {"Retry-After": "10"}) from None
    told = await parts.store.read(lambda connection: stats.told(connection, wanted, parts.clock.now()))
    return told | {"behind": behind}


def _said_of(organisation: Organisation) -> dict[str, Any]:
    said = {
        "name": words.organisation(organisation.id),
        "state": words.standing(organisation.state, organisation.paused_by, organisation.reason),
    }
    if organisation.reason:
        # What a person gave as reason for a pause is theirs, word for word.
        said["reason"] = (words.plain if organisation.paused_by else words.reason)(organisation.reason)
    told: dict[str, Any] = {name: asdict(each) for name, each in said.items()}
    return told | {"refused": [asdict(words.reason(one.why)) for one in organisation.refused]}


async def known_case(parts: Parts, case_id: str) -> Case:
    """The case, or 404."""
    organisations, now = parts.organisations, parts.clock.now()
    known = organisations.by_id()
    found = await parts.store.read(lambda connection: archive.case(connection, case_id, now, known))
    if found is None:
        raise HTTPException(404, "no such case")
    told = (one for one in organisations.contradictions() if one.delivery in found.deliveries)
    contradictions = tuple(views.contradiction(one, case_id) for one in told)
    return replace(found, contradictions=contradictions, fresh=organisations.fresh)


async def contradictions(parts: Parts, most: int) -> list[Contradiction]:
    """Where organisations contradicted themselves and nobody has cleared it up, the newest first."""
    told = parts.organisations.contradictions()[:most]
    cases = await parts.store.read(lambda connection: archive.cases_of(connection, [one.delivery for one in told]))
    return [views.contradiction(one, cases.get(one.delivery)) for one in told]


def plain(case: Case) -> dict[str, Any]:
    """The case as JSON: what stands in a list of cases, and all the rest beside it."""
    whole = asdict(case)
    line: dict[str, Any] = whole.pop("line")
    return line | whole


async def stream(feed: Feed, last_event_id: str | None, case_id: str | None) -> StreamingResponse:
    """A stream of changes that goes on after the last event that its reader saw."""
    after = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else None
    try:
        events = await feed.follow(after, case_id)
    except TooManyFollowers:
        raise HTTPException(503, "too many streams are open", {"Retry-After": "10"}) from None
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
