"""Our door for what agencies bring of their own accord: it listens, and sometimes it is shut when they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, NamedTuple

from aiohttp import web

from adapters.spec import UNREADABLE, Binding, Reply

PATH: Final = "/v1/organisations/{organisation}/callbacks"
"""Where dispatch takes call-backs."""
_LARGEST: Final = 1_048_576

Opened = Callable[[Mapping[str, str], bytes], bytes | None]
"""Headers and body → what the organisation sealed; None where nobody knows who sealed it."""


class Caller(NamedTuple):
    """An organisation that calls back: how its messages are read, and what proves that they are its own."""

    binding: Binding
    opened: Opened
    may_answer: Callable[[Reply], bool] = lambda _: True
    """Whether a message is its own, and of a kind that may answer any command."""


@dataclass(frozen=True, slots=True)
class Brought:
    """One call-back: whose it is, whether it was well sealed, what it says, and the key that it answers, if any."""

    organisation: str
    is_sealed: bool
    raw: bytes
    reply: Reply
    key: str | None
    at: datetime

    @property
    def is_message(self) -> bool:
        """Whether it can be read as a message of its style at all."""
        return self.reply.body is not UNREADABLE

    def told(self, keys: Container[str]) -> str:
        """In a few words, and never one of what it says: a key is told only if it is one of these."""
        seal = "sealed" if self.is_sealed else "not sealed by anybody whom we know"
        what = "a message" if self.is_message else "no message"
        key = (
            f"key {self.key}" if self.key in keys else "no key" if self.key is None else "a key that is not this one's"
        )
        return f"{what} · {len(self.raw)} bytes · {seal} · {key}"

    def concerns(self, key: str, vin: str) -> bool:
        """Whether it is about that command, as far as can be told; what names nothing may be about anything."""
        if self.key == key or vin.encode() in self.raw:
            return True
        return self.key is None and not self.is_message


@dataclass(slots=True)
class Door:
    """All that came, in order; `callers` are those who call back, by their ids.

    It answers as dispatch's does: what nobody sealed, nobody can read, or can answer nothing is refused. Where `shut`
    says so everything under a key is turned away with 503, and should come again.
    """

    callers: Mapping[str, Caller]
    awaited: set[str] = field(default_factory=set)
    shut: dict[str, int] = field(default_factory=dict)
    came: list[Brought] = field(default_factory=list)
    turned_away: list[Brought] = field(default_factory=list)
    knocks: int = 0
    """How often anybody came, whatever he brought."""
    is_deaf: bool = False
    """Nobody ever came, for so long that nobody will: nobody waits any longer."""
    waited: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once somebody has waited for a call-back."""
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def app(self) -> web.Application:
        """The door as an application."""
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post(PATH, self._hear)
        return app

    def find(self, key: str) -> bytes | None:
        """The first well sealed answer under a key."""
        return next((one.raw for one in self.under(key) if one.is_sealed), None)

    def under(self, key: str) -> list[Brought]:
        """What came under a key."""
        return [one for one in self.came if one.key == key]

    async def until(self, holds: Callable[[], object], seconds: float) -> None:
        """Wait for what only a call-back can bring about, or until nobody waits any longer."""
        self.waited.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: self.is_deaf or holds())

    async def watch(self, early: float, late: float, unheard: Callable[[], None]) -> None:
        """Say so when nobody has come `early` seconds after somebody was first waited for; in the end wait no more."""
        await self.waited.wait()
        await self.until(lambda: self.knocks, early)
        if self.knocks:
            return
        unheard()
        await self.until(lambda: self.knocks, late - early)
        async with self._news:
            self.is_deaf = not self.knocks
            self._news.notify_all()

    async def _hear(self, request: web.Request) -> web.Response:
        async with self._news:
            self.knocks, self.is_deaf = self.knocks + 1, False
            self._news.notify_all()
        organisation = request.match_info["organisation"]
        caller = self.callers.get(organisation)
        if caller is None:
            return _said(HTTPStatus.NOT_FOUND, "no such organisation")
        brought = self._brought(organisation, caller, request.headers, await request.read())
        if brought.reply.status == HTTPStatus.ACCEPTED:
            # It only confirms that the command came: no answer yet.
            return _said(HTTPStatus.ACCEPTED, "taken")
        async with self._news:
            status = self._taken(brought, caller)
            self._news.notify_all()
        return _said(status, status.phrase)

    def _brought(self, organisation: str, caller: Caller, headers: Mapping[str, str], raw: bytes) -> Brought:
        content = caller.opened({name.lower(): value for name, value in headers.items()}, raw)
        said = raw if content is None else content
        read = caller.binding.read(HTTPStatus.OK, {}, said)
        # What nobody can read may name the key all the same, and it is known for whom we wait.
        key = read.about or next((one for one in self.awaited if one.encode() in raw), None)
        return Brought(organisation, content is not None, said, read, key, datetime.now(UTC))

    def _taken(self, brought: Brought, caller: Caller) -> HTTPStatus:
        key = brought.key or ""
        if self.shut.get(key, 0) > 0:
            self.shut[key] -= 1
            self.turned_away.append(brought)
            return HTTPStatus.SERVICE_UNAVAILABLE
        self.came.append(brought)
        if not brought.is_sealed:
            return HTTPStatus.UNAUTHORIZED
        if not brought.is_message:
            return HTTPStatus.BAD_REQUEST
        return HTTPStatus.ACCEPTED if caller.may_answer(brought.reply) else HTTPStatus.UNPROCESSABLE_ENTITY


def _said(status: HTTPStatus, title: str) -> web.Response:
    return web.json_response({"title": title}, status=status)


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
