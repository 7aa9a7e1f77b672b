"""The simulated agencies on a port, before them an agency that misbehaves if wished, and the kit as their client."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from adapters.organisations import ORGANISATIONS
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Operation
from services.cli.grounds import Grounds
from services.conformance import kit
from services.conformance.client import Sealing, as_it_is
from services.conformance.run import Run
from services.runtime.clock import Clock
from services.simulator.faces.table import FACES, Build
from services.simulator.life import serving
from services.stack import ports
from services.stack.data import DataFolder
from tests.conformance.callers import Line, Punctual, between

ROUND = 7
LARGEST = 64 * 1024 * 1024
AMPLE: Final = timedelta(seconds=60)


@dataclass
class Told:
    """A message on its way through the misbehaving agency, either way."""

    status: int
    headers: dict[str, str]
    raw: bytes
    method: str = "POST"
    path: str = ""
    is_left: Callable[[], bool] = bool
    """Whether who sent it has hung up."""

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def key(self) -> str:
        return self.headers.get("Idempotency-Key", "")

    def saying(self, body: Any, status: int | None = None) -> Told:
        """The same message with another body."""
        return replace(self, raw=json.dumps(body).encode(), status=status or self.status)

    def under(self, key: str) -> Told:
        """The same message under another key."""
        return replace(self, headers=self.headers | {"Idempotency-Key": key})


@dataclass
class Faithful:
    """Stands before an agency and passes on what it hears, both ways; those that misbehave override `heard`."""

    base: str
    organisation: str
    http: aiohttp.ClientSession
    seal: Sealing = as_it_is
    """Ours, for those that pass on what we have not sealed as if we had."""
    memory: dict[str, Any] = field(default_factory=dict)

    async def heard(self, told: Told) -> Told:
        """What comes of a request."""
        return await self.passed_on(told)

    def _kept(self, name: str) -> Told:
        found: Told = self.memory[name]
        return found

    async def passed_on(self, told: Told) -> Told:
        """What the agency behind says."""
        kept = {"Idempotency-Key", "Content-Type", "Authorization", "X-Jws-Signature", "Soapaction"}
        headers = {name: value for name, value in told.headers.items() if name in kept}
        async with self.http.request(
            told.method, self.base + told.path, data=io.BytesIO(told.raw), headers=headers
        ) as got:
            passed = {name: got.headers[name] for name in ("Content-Type", "Retry-After") if name in got.headers}
            return Told(got.status, passed, await got.read())

    async def answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.title(): value for name, value in request.headers.items()}
        told = Told(0, headers, await request.read(), request.method, request.path, lambda: _is_left(request))
        concerned = told.path.startswith(f"/{self.organisation}/") and told.path != _MAKERS
        said = await (self.heard(told) if concerned else self.passed_on(told))
        return web.Response(status=said.status, headers=said.headers, body=said.raw)


def _is_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


_MAKERS = "/miit/certificates"
"""Where makers upload; no business of the kit's."""


@asynccontextmanager
async def before(base: str, organisation: str, kind: type[Faithful], seal: Sealing = as_it_is) -> AsyncIterator[str]:
    """An organisation of that kind before all others at an address; gives its own."""
    async with aiohttp.ClientSession() as http:
        app = web.Application(client_max_size=LARGEST)
        app.router.add_route("*", "/{path:.*}", kind(base, organisation, http, seal).answer)
        async with serving(app, "127.0.0.1", 0) as port:
            yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class Odd:
    """How an agency misbehaves: in what it answers, in what it brings, or in its very style."""

    kind: type[Faithful] | None = None
    caller: type[Punctual] | None = None
    styles: Mapping[str, Build] = field(default_factory=lambda: FACES)


AS_THEY_ARE = Odd()


@dataclass(frozen=True)
class Town:
    """Where agencies are judged; `home` is a data folder with keys."""

    home: DataFolder

    def judge(self, adapter: Adapter, *only: str, odd: Odd = AS_THEY_ARE, **manner: Any) -> Run:
        """What the kit finds about the simulated agency, or about one that misbehaves."""
        return asyncio.run(self._judged(adapter, only, odd, manner))

    async def _judged(self, adapter: Adapter, only: tuple[str, ...], odd: Odd, manner: Mapping[str, Any]) -> Run:
        grounds = Grounds(self.home)
        async with asyncio.timeout(150), grounds.simulator(odd.styles) as base, AsyncExitStack() as stack:
            await stack.enter_async_context(self._door(grounds, first(adapter), odd.caller))
            if odd.kind is None:
                return await self.asked(adapter, base, only, grounds, **manner)
            odd_one = before(base, first(adapter), odd.kind, grounds.seal(adapter))
            return await self.asked(adapter, await stack.enter_async_context(odd_one), only, grounds, **manner)

    @asynccontextmanager
    async def _door(self, grounds: Grounds, organisation: str, caller: type[Punctual] | None) -> AsyncIterator[None]:
        """Our door; where a caller misbehaves, banks knock at its, and it at ours."""
        if caller is None:
            async with grounds.reached():
                yield
            return
        out = urlsplit(grounds.settings.dispatch_url).port or 0
        own, door = grounds.settings.secret().identities[organisation], ports.choose(("door",), {})["door"]
        async with grounds.reached(door), between(Line(organisation, out, door, own), caller):
            yield

    @property
    def token(self) -> str:
        """The operator's."""
        return str(json.loads(self.home.secrets.read_bytes())["operator_token"])

    async def asked(self, adapter: Adapter, url: str, only: tuple[str, ...], grounds: Grounds, **manner: Any) -> Run:
        """A run against an address. What is declared of how soon an answer comes is not asked of a slow machine."""
        clock = Clock()
        declared = adapter is ADAPTERS[adapter.name]
        adapters = {name: patient(one) for name, one in ADAPTERS.items()} if declared else ADAPTERS
        plan = kit.Plan(
            adapters[adapter.name] if declared else adapter,
            first(adapter),
            url,
            against="url",
            round_=ROUND,
            day=clock.today(),
            at=clock.now(),
            token=self.token,
            only=only,
            reach=grounds.reach(),
            **manner,
        )
        return await kit.run(plan, adapters, ORGANISATIONS)


def patient(adapter: Adapter) -> Adapter:
    """The same, with time for whoever answers at all."""
    return replace(adapter, operations={name: _leisurely(one) for name, one in adapter.operations.items()})


def _leisurely(operation: Operation) -> Operation:
    later, lookup = operation.later, operation.lookup
    return replace(
        operation,
        endpoint=replace(operation.endpoint, timeout=AMPLE),
        lookup=lookup and replace(lookup, endpoint=replace(lookup.endpoint, timeout=AMPLE)),
        later=later and replace(later, endpoint=later.endpoint and replace(later.endpoint, timeout=AMPLE)),
    )


def first(adapter: Adapter) -> str:
    """The organisation of a kind that is judged."""
    return next(one.id for one in ORGANISATIONS.values() if one.adapter == adapter.name)


def told(run: Run) -> dict[str, str]:
    """By id, what came of the cases that were not met."""
    return {one.case.id: f"{one.state}: {one.came}" for one in run.results if one.state in {"failed", "blocked"}}
