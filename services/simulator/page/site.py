"""The pages: watch requests as they come, turn knobs. They work without script; with it they keep current."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from services.runtime.sessions import Session
from services.simulator import fixtures
from services.simulator.country import Name, names
from services.simulator.monsoon import MOODS
from services.simulator.page import fields, shown
from services.simulator.page.acts import ACTS
from services.simulator.page.entrance import Entrance, Form, hardened, see
from services.simulator.page.pages import Pages
from services.simulator.world import World

_LOOK_EVERY_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class _Failed:
    """A form that could not be done, to be shown again with what was typed."""

    act: str = ""
    typed: Form | None = None
    wrong: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Site:
    """All pages about organisations. `home` is the one that is shown first, where only one is meant to be looked at."""

    world: World
    pages: Pages
    entrance: Entrance
    home: str | None = None
    _names: Mapping[str, Name] = field(default_factory=lambda: {name.id: name for name in names()})
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    def install(self, app: web.Application) -> None:
        """Give an application our addresses; none of them can be an organisation's."""
        app.on_shutdown.append(self._end)
        self.entrance.install(app)
        logged, add = self.entrance.logged, app.router.add_get
        add("/", logged(self._all))
        add("/_live", logged(self._all_live))
        add("/_events", logged(self._events))
        add("/_watch/{organisation}", logged(self._one))
        add("/_watch/{organisation}/live", logged(self._one_live))
        app.router.add_post("/_watch/{organisation}/{act}", self.entrance.acting(self._act))

    async def _all(self, request: web.Request, session: Session) -> web.StreamResponse:
        if self.home is not None and "all" not in request.query:
            return see(_address(self.home))
        return self.pages.page(request, "home.html", session, all=self._organisations())

    async def _all_live(self, request: web.Request, session: Session) -> web.StreamResponse:
        return self.pages.page(request, "home_live.html", session, all=self._organisations())

    def _organisations(self) -> list[shown.Organisation]:
        return [shown.organisation(self.world, name) for name in self._names.values()]

    async def _one(self, request: web.Request, session: Session) -> web.StreamResponse:
        return self._shown(request, session, _Failed())

    async def _one_live(self, request: web.Request, session: Session) -> web.StreamResponse:
        name = self._name(request)
        if name is None:
            return self.pages.wrong(request, session, HTTPStatus.NOT_FOUND)
        return self.pages.page(request, "organisation_live.html", session, one=shown.organisation(self.world, name))

    async def _act(self, request: web.Request, session: Session, form: Form) -> web.StreamResponse:
        name, act = self._name(request), request.match_info["act"]
        if name is None or act not in ACTS:
            return self.pages.wrong(request, session, HTTPStatus.NOT_FOUND)
        try:
            faults = ACTS[act](name.kind, self.world.turned(name.id), form)
            self.world.check(name.id, faults)
        except ValidationError as impossible:
            wrong = frozenset(str(each["loc"][0]) for each in impossible.errors() if each["loc"])
            return self._shown(request, session, _Failed(act, form, wrong))
        self.world.turn(name.id, faults)
        return see(_address(name.id))

    def _shown(self, request: web.Request, session: Session, failed: _Failed) -> web.Response:
        name = self._name(request)
        if name is None:
            return self.pages.wrong(request, session, HTTPStatus.NOT_FOUND)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if failed.act else HTTPStatus.OK
        return self.pages.page(
            request, "organisation.html", session, status, **self._content(name, failed), address=_address(name.id)
        )

    def _content(self, name: Name, failed: _Failed) -> dict[str, Any]:
        faults, agency = self.world.turned(name.id), self.world.country.agencies[name.id]
        typed = failed.typed if failed.act == "knobs" else None
        return {
            "one": shown.organisation(self.world, name),
            "faults": faults,
            "groups": fields.groups(name.kind, faults, typed, failed.wrong),
            "failed": failed.act,
            "moods": list(MOODS),
            "codes": sorted(agency.tongue.words),
            "operations": [service.operation for service in agency.services.values()],
            "fixtures": fixtures.names(name.words),
            "script": shown.script,
        }

    def _name(self, request: web.Request) -> Name | None:
        return self._names.get(request.match_info["organisation"])

    async def _events(self, request: web.Request, session: Session) -> web.StreamResponse:
        """Say that there is something new, whenever there is, until the reader goes or the simulator ends."""
        del session
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await hardened(stream).prepare(request)
        watch, seen = self.world.watch, -1
        while not self._ending.is_set():
            if watch.changes != seen:
                seen = watch.changes
                await stream.write(b"event: changed\ndata: %d\n\n" % seen)
            await asyncio.sleep(_LOOK_EVERY_S)
        return stream

    async def _end(self, _: web.Application) -> None:
        self._ending.set()


def _address(organisation: str) -> str:
    return f"/_watch/{organisation}"
