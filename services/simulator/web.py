"""The simulator's addresses put together: every organisation behind its face, and the operators' side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from services.runtime.settings import Secrets
from services.simulator.faces.face import Face, Opening, Premises, Working
from services.simulator.faces.http import HttpDoors
from services.simulator.faces.rest import Rest
from services.simulator.faces.table import FACES, Build
from services.simulator.operators import Operators
from services.simulator.page.entrance import Entrance
from services.simulator.page.pages import Pages
from services.simulator.page.site import Site

LARGEST: Final = 1024 * 1024
"""Bytes of a request."""


@dataclass(slots=True)
class Doors:
    """The HTTP face of a world, and what its agencies do of their own accord. `ready` tells what is missing."""

    premises: Premises
    secrets: Secrets
    ready: Callable[[], list[str]] = list
    home: str | None = None
    """The organisation that its page shows first, where only one is meant to be looked at."""
    styles: Mapping[str, Build] = field(default_factory=lambda: FACES)
    _built: dict[str, Face | Working] = field(init=False)

    def __post_init__(self) -> None:
        """Build one face a kind."""
        self._built = {kind: build(self.premises) for kind, build in self.styles.items()}

    def app(self) -> web.Application:
        """The application; run it with `handler_cancellation`, or hanging requests outlive their callers."""
        world, mishaps = self.premises.world, self.premises.mishaps
        app = web.Application(client_max_size=LARGEST)
        plain = HttpDoors(mishaps, dict.fromkeys(world.kinds, Rest(world)))
        Operators(world, self.secrets, self.ready, plain).install(app)
        pages = Pages()
        Site(world, pages, Entrance(pages, self.secrets, self.premises.settings), self.home).install(app)
        built = {name: self._built[kind] for name, kind in world.kinds.items()}
        doors = HttpDoors(mishaps, {name: face for name, face in built.items() if isinstance(face, Face)})
        for method in ("GET", "POST"):
            app.router.add_route(method, "/{organisation}/{path:.+}", doors.answer)
        return app

    async def opened(self) -> None:
        """Wait until those at work have opened what doors they have beside these."""
        for face in self._built.values():
            if isinstance(face, Opening):
                await face.open.wait()

    async def work(self) -> None:
        """Let agencies do what they do of their own accord, until cancelled."""
        working = [face.run() for face in self._built.values() if isinstance(face, Working)]
        await asyncio.gather(asyncio.Event().wait(), *working)
