"""Our door for what agencies bring of their own accord: it listens, and sometimes it is shut when they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, NamedTuple

from aiohttp import web

from adapters.spec import Binding

PATH: Final = "/v1/organisations/{organisation}/callbacks"
"""Where dispatch takes call-backs."""
_LARGEST: Final = 1_048_576

Opened = Callable[[Mapping[str, str], bytes], bytes | None]
"""Headers and body → what the organisation sealed; None where nobody knows who sealed it."""


class Caller(NamedTuple):
    """An organisation that calls back: how its messages are read, and what proves that they are its own."""

    binding: Binding
    opened: Opened


@dataclass(frozen=True, slots=True)
class Brought:
    """One call-back: whether it was well sealed, and what it says."""

    is_sealed: bool
    raw: bytes


@dataclass(slots=True)
class Door:
    """What came for each key, in order; `callers` are those who call back, by their ids.

    Where `shut` says so it is turned away with 503, and should come again.
    """

    callers: Mapping[str, Caller]
    awaited: set[str] = field(default_factory=set)
    shut: dict[str, int] = field(default_factory=dict)
    came: dict[str, list[Brought]] = field(default_factory=dict)
    turned_away: dict[str, list[Brought]] = field(default_factory=dict)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def app(self) -> web.Application:
        """The door as an application."""
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post(PATH, self._hear)
        return app

    def find(self, key: str) -> bytes | None:
        """The first well sealed answer under a key."""
        return next((one.raw for one in self.came.get(key, ()) if one.is_sealed), None)

    async def heard(self, key: str, times: int, seconds: float) -> list[Brought]:
        """What came under a key, once it came so often or nobody waits any longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: len(self.came.get(key, ())) >= times)
        return self.came.get(key, [])

    async def _hear(self, request: web.Request) -> web.Response:
        caller = self.callers.get(request.match_info["organisation"])
        if caller is None:
            return web.json_response({"title": "no such organisation"}, status=HTTPStatus.NOT_FOUND)
        headers = {name.lower(): value for name, value in request.headers.items()}
        raw = await request.read()
        content = caller.opened(headers, raw)
        brought = Brought(content is not None, raw if content is None else content)
        read = caller.binding.read(HTTPStatus.OK, {}, brought.raw)
        if read.status == HTTPStatus.ACCEPTED:
            # It only confirms that the command came: no answer yet.
            return web.json_response({}, status=HTTPStatus.ACCEPTED)
        # What nobody sealed may not be readable at all, but it is known for whom we wait.
        key = read.about or next((one for one in self.awaited if one.encode() in raw), "")
        if self.shut.get(key, 0) > 0:
            self.shut[key] -= 1
            self.turned_away.setdefault(key, []).append(brought)
            return web.json_response({"title": "come again"}, status=HTTPStatus.SERVICE_UNAVAILABLE)
        async with self._news:
            self.came.setdefault(key, []).append(brought)
            self._news.notify_all()
        return web.json_response({"id": key}, status=HTTPStatus.ACCEPTED)


@asynccontextmanager
async def open_door(door: Door, host: str, port: int) -> AsyncIterator[int]:
    """Listen for as long as this lasts; gives the port, which the system chooses where 0 was asked."""
    runner = web.AppRunner(door.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
