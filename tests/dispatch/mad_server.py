"""An agency that says over HTTP whatever it likes: bytes, not answers. Its good answers are an adapter's fixture."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final

from adapters.spec import Adapter, Features, Operation
from contracts.contract import Contract
from contracts.registry import CONTRACTS

PERSON: Final = "张三丰 13800138000 110105194912310021"
"""What an agency should never put into an answer, and what must go nowhere when it does."""
ENDLESS: Final = 10 * 1024**3
RECORDED_VIN: Final = "LZZTEST05TA000001"
RECORDED_KEY: Final = "0198c0de-0000-7000-8000-000000000001"


@dataclass(frozen=True)
class Exchange:
    """One recorded success of an adapter, told of any car."""

    adapter: Adapter
    operation: Operation
    fixture: dict[str, Any]
    found: dict[str, Any] | None = None
    """How its look-up knows of it, where it has one."""
    unknown: dict[str, Any] | None = None
    """How its look-up knows nothing."""

    def command(self, car: str) -> Contract:
        """The command about a car."""
        told = json.dumps(self.fixture["given"]["data"]).replace(RECORDED_VIN, car)
        return CONTRACTS[self.fixture["given"]["command"]].models[-1].model_validate_json(told)

    def answer(self, car: str, key: str) -> bytes:
        """The good answer about it, to the command that was sent under that key."""
        return _told(self.fixture, car, key)

    def looked_up(self, car: str, *, is_known: bool) -> tuple[int, bytes]:
        """What the look-up says: status and body."""
        recorded = self.found if is_known else self.unknown
        assert recorded is not None
        return recorded["response"]["status"], _told(recorded, car, "")


def _told(fixture: dict[str, Any], car: str, key: str) -> bytes:
    response = fixture["response"]
    text = response["text"] if "text" in response else json.dumps(response["body"])
    return str(text).replace(RECORDED_VIN, car).replace(RECORDED_KEY, key).encode()


def exchange_of(adapter: Adapter) -> Exchange:
    """The first recorded success of a command that changes something, or of a question where it only answers those."""
    folder = files("adapters") / adapter.name / "fixtures"
    recorded = [json.loads(file.read_bytes()) for file in sorted(folder.iterdir(), key=lambda found: found.name)]
    looked_up = [one for one in recorded if one["given"].get("asks") == "lookup"]
    good = [one for one in recorded if "event" in one["then"] and "asks" not in one["given"]]

    def exchange(one: dict[str, Any]) -> Exchange:
        command = one["given"]["command"]
        about = [other for other in looked_up if other["given"]["command"] == command]
        found = next((other for other in about if "event" in other["then"]), None)
        unknown = next((other for other in about if other["then"] == {"known": False}), None)
        return Exchange(adapter, adapter.operations[command], one, found, unknown)

    return min(map(exchange, good), key=lambda exchange: exchange.operation.question)


@dataclass(frozen=True)
class Request:
    """One request as the server read it, and where the answer goes."""

    path: str
    key: str
    car: str
    writer: asyncio.StreamWriter
    good: bytes


Misdeed = Callable[["MadServer", Request], Awaitable[None]]


@dataclass
class MadServer:
    """Does its misdeed on the first call about each car in `madly`, and is good to all others, and afterwards."""

    exchange: Exchange
    cars: tuple[str, ...]
    misdeed: Misdeed
    madly: set[str]
    effects: list[tuple[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    written: int = 0
    waiting: list[Request] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Its address."""
        connections: set[asyncio.Task[Any]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            try:
                while True:
                    await self._serve(await self._read(reader, writer))
            except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                return
            finally:
                # Not closed: what nobody reads any more would keep it open.
                writer.transport.abort()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)
            # An aborted transport closes its socket in the loop's next turn.
            await asyncio.sleep(0)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = (await reader.readexactly(int(headers["content-length"]))).decode()
        car = next(car for car in self.cars if car in body)
        # A question has none.
        path, key = head.split(" ")[1], headers.get("idempotency-key", "")
        return Request(path, key, car, writer, self.exchange.answer(car, key))

    async def _serve(self, request: Request) -> None:
        lookup = self.exchange.operation.lookup
        if lookup is not None and request.path.endswith(lookup.endpoint.path):
            await self._look_up(request)
            return
        self.calls.append(request.car)
        self.at.append(asyncio.get_running_loop().time())
        if request.car in self.madly and self.calls.count(request.car) == 1:
            await self.misdeed(self, request)
        else:
            self.act(request)
            await say(request, request.good)

    async def _look_up(self, request: Request) -> None:
        assert not request.key, "a question is no deed"
        is_known = any(car == request.car for car, _ in self.effects)
        status, said = self.exchange.looked_up(request.car, is_known=is_known)
        await say(request, said, f"{status} {HTTPStatus(status).phrase}")

    def act(self, request: Request) -> None:
        """Carry it out: once for a key only where the agency promises that."""
        knows_keys = self.exchange.adapter.features is Features.IDEMPOTENT
        if not (knows_keys and (request.car, request.key) in self.effects):
            self.effects.append((request.car, request.key))


async def raw(request: Request, data: bytes) -> None:
    """Write bytes, whatever they are."""
    request.writer.write(data)
    await request.writer.drain()


async def say(request: Request, body: bytes, status: str = "200 OK", *headers: str) -> None:
    """An answer as HTTP wants it."""
    told = "".join(f"{header}\r\n" for header in headers)
    await raw(request, f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{told}\r\n".encode() + body)


async def never() -> None:
    """Until the caller hangs up, of which this server takes no notice."""
    await asyncio.get_running_loop().create_future()


def _compressed(size: int) -> bytes:
    """So many spaces, as gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * 1024**2) for _ in range(size // 1024**2)) + packer.flush()


BOMB: Final = _compressed(64 * 1024**2)
"""A few kilobytes that unpack to 64 megabytes."""
