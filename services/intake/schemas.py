"""`GET /schemas/{name}`: what a message's `ce_dataschema` names; contracts for anybody, views for operators."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPBearer
from starlette.responses import Response

from contracts.views.subscriber import Subscribers
from observability import logs
from services.intake import problems
from services.intake.openapi import REFUSED, SCHEMA
from services.intake.problems import Problem
from services.runtime import dataschema
from services.runtime.dataschema import MEDIA_TYPE, UnknownSchema, named, written
from services.runtime.subscribers import SubscribersFile, UnreadableSubscribers

PATH: Final = "/schemas/{name}"
_KEPT: Final = "{}, max-age=300"
"""By whom, and for how many seconds: a version gets new optional fields now and then, and a view new fields."""


class Subscribed:
    """Who subscribes now. A file that cannot be read costs nobody the door: until it can, no view is known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: SubscribersFile | None = None

    def now(self) -> Subscribers:
        """Everybody whom the file names."""
        try:
            self._file = self._file or SubscribersFile(self._path)
        except UnreadableSubscribers as wrong:
            logs.get().error("subscribers.unreadable", problem=str(wrong))
            return Subscribers()
        return self._file.now()


@dataclass(frozen=True, slots=True)
class Schemas:
    """Tells schemas; `subscribers` gives those who are subscribed now, `demand` refuses who is no operator."""

    subscribers: Callable[[], Subscribers]
    demand: Callable[[str], None]

    def router(self) -> APIRouter:
        """The route, which needs a token for some names only: for the description, the bearer is optional."""
        bearer = Depends(HTTPBearer(scheme_name="operator", auto_error=False))
        router = APIRouter(tags=["schemas"], responses=REFUSED, dependencies=[bearer])
        router.get(PATH, openapi_extra=SCHEMA, summary="The schema that ce_dataschema names")(self.show)
        return router

    async def show(self, request: Request, name: str) -> Response:
        """By URN or by type: `urn:tongche:schema:tongche.sale.confirmed.v2`, or `tongche.sale.confirmed.v2`.

        A subscriber's own is called `to.<subscriber>.<type>` and needs the operator's token.
        """
        is_of_view = dataschema.is_of_view(name)
        if is_of_view:
            # Before anything is looked up: who subscribes to what must not show in how we refuse.
            self.demand(request.headers.get("authorization", ""))
        try:
            content = written(named(name, self.subscribers()))
        except UnknownSchema:
            raise Problem(problems.NOT_FOUND) from None
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": _KEPT.format("private" if is_of_view else "public")}
        if _is_known(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=MEDIA_TYPE)


def _is_known(told: str, tag: str) -> bool:
    """Weak comparison, as RFC 9110 has it for `If-None-Match`."""
    return any(one.strip().removeprefix("W/") in {tag, "*"} for one in told.split(","))
