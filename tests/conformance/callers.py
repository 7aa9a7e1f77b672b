"""Banks whose call-backs go astray: each stands between a simulated bank and our door, and misbehaves in one way."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web
from lxml import etree

from adapters.spec import Letter
from services.dispatch.seals.xmldsig import XmlSignature
from services.runtime.settings import Identity
from services.simulator.life import serving
from services.stack.identities import identity

TAKEN = HTTPStatus.ACCEPTED
LATE_S = 1.5
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_RELATED = "{*}AppHdr/{*}Rltd/{*}BizMsgIdr"


@dataclass
class Punctual:
    """It brings what the bank brings; those that misbehave override `brings`, which gives what the bank is told."""

    url: str
    http: aiohttp.ClientSession
    own: Identity
    memory: dict[str, Any] = field(default_factory=dict)

    async def brings(self, raw: bytes) -> int:
        return await self.brought(raw)

    async def brought(self, raw: bytes) -> int:
        """What our door says to it."""
        async with self.http.post(self.url, data=raw, headers={"Content-Type": "application/xml"}) as answer:
            return answer.status

    def rewritten(self, raw: bytes, change: Callable[[etree._Element], None], by: Identity | None = None) -> bytes:
        """The same message with a change, signed anew by the bank, or by somebody else."""
        root = etree.fromstring(raw)
        for signature in root.findall(_SIGNATURE):
            root.remove(signature)
        change(root)
        return XmlSignature(by or self.own, tuple).sealed(Letter(etree.tostring(root), {})).raw


def key_of(raw: bytes) -> str:
    """The key that a call-back answers."""
    return etree.fromstring(raw).findtext(_RELATED, "")


def _nothing(_: etree._Element) -> None:
    return None


def _under(key: str) -> Callable[[etree._Element], None]:
    def changed(root: etree._Element) -> None:
        found = root.find(_RELATED)
        assert found is not None
        found.text = key

    return changed


class Mute(Punctual):
    """It takes everything in, and never calls back."""

    async def brings(self, raw: bytes) -> int:
        del raw
        return TAKEN


class FaintHearted(Punctual):
    """It knocks once: whoever has no time then never hears of it again."""

    async def brings(self, raw: bytes) -> int:
        await self.brought(raw)
        return TAKEN


class Unregistered(Punctual):
    """It signs with a key that it has registered with nobody."""

    async def brings(self, raw: bytes) -> int:
        return await self.brought(self.rewritten(raw, _nothing, Identity.model_validate(identity("somebody"))))


class Selfish(Punctual):
    """It answers under a number of its own."""

    async def brings(self, raw: bytes) -> int:
        return await self.brought(self.rewritten(raw, _under(f"ZX{secrets.token_hex(8)}")))


class Keyless(Punctual):
    """It does not say what it answers."""

    async def brings(self, raw: bytes) -> int:
        return await self.brought(self.rewritten(raw, lambda root: root[0].remove(root[0][-1])))


class Wavering(Punctual):
    """Brought a second time, its answer has another contract."""

    async def brings(self, raw: bytes) -> int:
        key = key_of(raw)
        if key not in self.memory:
            self.memory[key] = True
            return await self.brought(raw)
        return await self.brought(self.rewritten(raw, self._otherwise))

    def _otherwise(self, root: etree._Element) -> None:
        contract = next(root.iter("{*}CtrctId"))
        contract.text = f"{(contract.text or '')[:-1]}X"


class Afterwards(Wavering):
    """It thinks better of it only after a while, when nobody listens any more."""

    async def brings(self, raw: bytes) -> int:
        if key_of(raw) in self.memory:
            await asyncio.sleep(LATE_S)
        return await super().brings(raw)


class InItsOwnOrder(Punctual):
    """It answers two at a time, and takes the one that came last for the one that was asked first."""

    async def brings(self, raw: bytes) -> int:
        waiting: asyncio.Future[str] | None = self.memory.pop("waiting", None)
        if waiting is None:
            waiting = self.memory["waiting"] = asyncio.get_running_loop().create_future()
            self.memory["first"] = key_of(raw)
            return await self.brought(self.rewritten(raw, _under(await waiting)))
        first: str = self.memory["first"]
        waiting.set_result(key_of(raw))
        return await self.brought(self.rewritten(raw, _under(first)))


class Gateway(Punctual):
    """What it brings is what its gateway made of it: a page, in the name of the bank."""

    async def brings(self, raw: bytes) -> int:
        await self.brought(b"<html><body><h1>504 Gateway Timeout</h1><br></body></html>")
        return await self.brought(raw)


class Typed(Punctual):
    """Its documents bring their types with them."""

    async def brings(self, raw: bytes) -> int:
        head, _, rest = raw.partition(b"?>")
        return await self.brought(head + b"?><!DOCTYPE BizMsg>" + rest)


class Line(NamedTuple):
    """Where a bank's call-backs go out, and where they are to come in."""

    organisation: str
    out: int
    door: int
    own: Identity


@asynccontextmanager
async def between(line: Line, kind: type[Punctual]) -> AsyncIterator[None]:
    """A bank of that kind before our door, for as long as this lasts; other banks are passed on as they are."""
    path = "/v1/organisations/{organisation}/callbacks"
    async with aiohttp.ClientSession() as http:
        made: dict[str, Punctual] = {}

        async def answer(request: web.Request) -> web.Response:
            name = request.match_info["organisation"]
            if name not in made:
                behaves = kind if name == line.organisation else Punctual
                url = f"http://127.0.0.1:{line.door}{path.format(organisation=name)}"
                made[name] = behaves(url, http, line.own)
            return web.Response(status=await made[name].brings(await request.read()))

        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post(path, answer)
        async with serving(app, "127.0.0.1", line.out):
            yield
