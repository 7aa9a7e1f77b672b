"""The projection's interface for operators: how grants stand, taking one back, and who was shown what.

A VIN travels in a body only; everything else in an address is an id of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field, StringConstraints

from contracts.keys import vehicle_key
from contracts.types import Vin
from contracts.views.plan import CODE, is_sealed
from services.runtime.forms import Form, Reasoned
from services.runtime.operator import operator
from services.runtime.settings import Secrets
from services.runtime.store import Store

from . import disclosures
from .books import Known
from .disclosures import LONGEST_PAGE, Wanted
from .register import Judged, Register, State, UnknownGrant

Told = dict[str, Any]


class Search(Form):
    """Which disclosures: of one vehicle, to one subscriber, since a moment. `after` is the `next` of a page."""

    vin: Vin | None = None
    subscriber: Annotated[str, StringConstraints(max_length=40)] | None = None
    since: AwareDatetime | None = None
    after: tuple[float, str, str] | None = None
    most: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = 100


@dataclass(frozen=True, slots=True)
class Office:
    """Where operators are served."""

    register: Register
    store: Store
    key_secret: bytes

    def grants(self) -> Told:
        """Every grant, and what is wrong with the file where something is."""
        return {
            "grants": [self._told(*one) for one in self.register.all()],
            "problem": self.register.file.problem,
        }

    def _told(self, judged: Judged | None, kept: Known | None, state: State) -> Told:
        told = shown(judged, kept, state)
        return told | {"spent": self.register.is_spent(told["id"])}

    def grant(self, id_: str) -> Told:
        """One of them. Raises `UnknownGrant`."""
        told: list[Told] = [one for one in self.grants()["grants"] if one["id"] == id_]
        if not told:
            raise UnknownGrant(id_)
        return told[0]

    async def revoke(self, id_: str, why: Reasoned) -> Told:
        """Take one back. Raises `UnknownGrant` or `AlreadyOver`."""
        await self.register.revoke(id_, why.by, why.reason)
        return self.grant(id_)

    async def search(self, search: Search) -> Told:
        """A page of disclosures."""
        vehicle = None if search.vin is None else vehicle_key(self.key_secret, search.vin)
        wanted = Wanted(vehicle, search.subscriber, search.since, search.after, search.most)
        return await self.store.read(partial(disclosures.page, wanted=wanted))

    async def by_recipient(self, since: datetime | None) -> Told:
        """Counts for the risk report, of everybody who was ever shown something in that time."""
        return {"recipients": await self.store.read(partial(disclosures.by_recipient, since=since))}

    async def usage(self) -> Told:
        """What each grant was really shown."""
        return {"usage": await self.store.read(disclosures.usage)}


def shown(judged: Judged | None, kept: Known | None, state: State) -> Told:
    """A grant as people and programs see it; of one that the file does not have any more only what we keep."""
    return {
        **_from_file(judged),
        **({"id": kept.id, "subscriber": kept.subscriber} if kept else {}),
        "topics": _topics(judged, kept),
        "contract": judged.grant.contract if judged else kept.contract if kept else None,
        "state": state,
        "opened_at": kept.opened_at if kept else None,
        "revoked_at": kept.revoked_at if kept else None,
        "ended_at": kept.ended_at if kept else None,
        "who": kept.who if kept else None,
        "reason": kept.reason if kept else None,
    }


def _from_file(judged: Judged | None) -> Told:
    if judged is None:
        return {"faults": [], "fields": {}, "sealed": []}
    subscriber, grant, stream = judged.subscriber, judged.grant, judged.stream
    sights = dict(stream.view.sights) if stream else {}
    return {
        "id": grant.id,
        "subscriber": subscriber.name,
        "title": subscriber.title,
        "party": subscriber.party,
        "jurisdiction": list(subscriber.jurisdiction),
        "version": grant.version,
        "purpose": grant.purpose,
        "legal_basis": grant.legal_basis,
        "from": grant.since.isoformat() if grant.since else None,
        "until": grant.until.isoformat() if grant.until else None,
        "fields": sights,
        "sealed": [name for name, sight in sights.items() if is_sealed(name, sight)],
        "faults": [
            {"code": CODE, "field": one.field, "reason": one.why, "zh": one.zh, "en": one.en} for one in judged.denials
        ],
    }


def _topics(judged: Judged | None, kept: Known | None) -> list[str]:
    """Where its subscriber reads; of one that is over, where it did, for what it was told outlives the grant."""
    if kept is not None and kept.topics:
        return list(kept.topics)
    return list(judged.stream.topics.values()) if judged and judged.stream else []


def routes(office: Office, secrets: Secrets) -> APIRouter:
    """All of it, for whoever holds the operator's token."""
    router = APIRouter(prefix="/v1", dependencies=[Depends(operator(secrets))])

    @router.get("/grants")
    async def grants() -> Told:
        return office.grants()

    @router.get("/grants/{grant_id}")
    async def grant(grant_id: str) -> Told:
        return office.grant(grant_id)

    @router.post("/grants/{grant_id}/revoke")
    async def revoke(grant_id: str, why: Reasoned) -> Told:
        return await office.revoke(grant_id, why)

    @router.post("/disclosures/search")
    async def search(wanted: Search) -> Told:
        return await office.search(wanted)

    @router.get("/disclosures/by-recipient")
    async def by_recipient(since: AwareDatetime | None = None) -> Told:
        return await office.by_recipient(since)

    @router.get("/usage")
    async def usage() -> Told:
        return await office.usage()

    return router
