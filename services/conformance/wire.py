"""The wire between kit and agency: whole messages, and messages that come to grief on the way."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp

LARGEST: Final = 1_048_576
"""Bytes of an answer; more than dispatch would read."""
_CONNECT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it goes out."""

    method: str
    url: str
    headers: Mapping[str, str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as it came in; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    raw: bytes


class Silence(Exception):
    """No answer came; the text says how that showed."""


class Way(Protocol):
    """How messages get to an agency and its answers back; statuses are HTTP's, whatever it is."""

    async def say(self, said: Said, seconds: float) -> Heard:
        """Send a message and wait for the answer. Raises `Silence`."""
        ...

    async def cut(self, said: Said, *, sent: float = 1.0) -> None:
        """Send a message, or the given part of its body, and hang up without listening. Raises `Silence`."""
        ...

    def apart(self) -> AbstractAsyncContextManager[Way]:
        """The same way on a connection that is opened anew and that nobody else uses."""
        ...


@dataclass(frozen=True, slots=True)
class Wire:
    """HTTP as a client has it."""

    http: aiohttp.ClientSession

    async def say(self, said: Said, seconds: float) -> Heard:
        """Send a message and wait for the answer. Raises `Silence`."""
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_S)
        try:
            async with self.http.request(
                said.method,
                said.url,
                data=io.BytesIO(said.raw),
                headers={"Accept-Encoding": "identity", **said.headers},
                timeout=timeout,
                allow_redirects=False,
                auto_decompress=False,
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Heard(answer.status, headers, await _read(answer))
        except TimeoutError:
            raise Silence(f"no answer in {seconds:g} s") from None
        except aiohttp.ClientConnectorError:
            raise Silence("no connection") from None
        except aiohttp.ClientError:
            raise Silence("the connection broke") from None

    async def cut(self, said: Said, *, sent: float = 1.0) -> None:
        """Send a message, or the given part of its body, and hang up without listening. Raises `Silence`."""
        async with self._opened(said) as out:
            out.write(_head(said) + said.raw[: int(len(said.raw) * sent)])
            await out.drain()

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[Way]:
        """As `Way` says."""
        async with wire() as another:
            yield another

    @asynccontextmanager
    async def _opened(self, said: Said) -> AsyncIterator[asyncio.StreamWriter]:
        address = urlsplit(said.url)
        secure = ssl.create_default_context() if address.scheme == "https" else None
        port = address.port or (443 if secure else 80)
        try:
            async with asyncio.timeout(_CONNECT_S):
                _, out = await asyncio.open_connection(address.hostname, port, ssl=secure)
        except OSError:
            raise Silence("no connection") from None
        try:
            yield out
        except OSError:
            raise Silence("the connection broke") from None
        finally:
            out.close()


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    parts = bytearray()
    async for part in answer.content.iter_chunked(65_536):
        parts += part
        if len(parts) > LARGEST:
            answer.close()
            raise Silence("an answer without end")
    return bytes(parts)


def _head(said: Said) -> bytes:
    address = urlsplit(said.url)
    lines = [
        f"{said.method} {address.path} HTTP/1.1",
        f"Host: {address.netloc.rpartition('@')[2]}",
        f"Content-Length: {len(said.raw)}",
        *(f"{name}: {value}" for name, value in said.headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    """A wire for as long as this lasts."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        yield Wire(http)
