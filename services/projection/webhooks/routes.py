"""The operators' interface to what is posted: how it stands, pausing, a new secret, and sending again."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field

from services.runtime.forms import OPERATOR, Form, Name, Reasoned
from services.runtime.operator import operator
from services.runtime.settings import Secrets

from .posting import OVERLAP, Posting

Told = dict[str, Any]
_LONGEST_OVERLAP_S = 30 * 86_400


class Signed(Form):
    """An act that needs no reason; `by` is who does it."""

    by: Name = OPERATOR


class Rotation(Signed):
    """A new secret; the one before it signs as well for so many seconds."""

    overlap_s: Annotated[int, Field(ge=0, le=_LONGEST_OVERLAP_S)] = int(OVERLAP.total_seconds())


class Replay(Signed):
    """From when on all is to be sent again."""

    since: AwareDatetime


def routes(posting: Posting, secrets: Secrets) -> APIRouter:
    """All of it, for whoever holds the operator's token."""
    router = APIRouter(prefix="/v1/webhooks", dependencies=[Depends(operator(secrets))])

    @router.get("")
    async def webhooks() -> Told:
        return {"webhooks": await posting.all()}

    @router.get("/{subscriber}")
    async def webhook(subscriber: str) -> Told:
        return await posting.one(subscriber)

    @router.post("/{subscriber}/pause")
    async def pause(subscriber: str, why: Reasoned) -> Told:
        await posting.pause(subscriber, why.by, why.reason)
        return await posting.one(subscriber)

    @router.post("/{subscriber}/resume")
    async def resume(subscriber: str, _: Signed) -> Told:
        await posting.resume(subscriber)
        return await posting.one(subscriber)

    @router.post("/{subscriber}/acknowledge")
    async def acknowledge(subscriber: str, why: Reasoned) -> Told:
        number = await posting.acknowledge(subscriber, why.by, why.reason)
        return {"acknowledged": number} | await posting.one(subscriber)

    @router.get("/{subscriber}/secret")
    async def secret(subscriber: str) -> Told:
        return {"subscriber": subscriber, "secret": posting.secret(subscriber)}

    @router.post("/{subscriber}/rotate")
    async def rotate(subscriber: str, how: Rotation) -> Told:
        told = await posting.rotate(subscriber, timedelta(seconds=how.overlap_s))
        return {"secret": told} | await posting.one(subscriber)

    @router.post("/{subscriber}/replay")
    async def replay(subscriber: str, wanted: Replay) -> Told:
        return {"subscriber": subscriber, "queued": await posting.replay(subscriber, wanted.since)}

    return router
