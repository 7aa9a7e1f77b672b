"""The way to an organisation by files: a document is put down under a name, its receipt is fetched by another.

A document is written under a temporary name and renamed: it is there as a whole or not at all, and no second one ever
takes its place. Nothing is listed: a folder may hold the receipts of years, and of others. Until the renaming begins
nothing can have happened; after that everything may have.

A file has no header for a traceparent, and we write none into a document that an organisation may compare by its bytes:
each exchange is a span of ours, which says in which box something was put or found.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import unquote, urlsplit

import asyncssh

from adapters.bindings.files import FILE, RECEIPT
from adapters.errors import Ambiguous, BrokenAnswer, Unavailable
from adapters.spec import Endpoint, Letter
from observability import tracing
from services.dispatch.notifiers import Notifiers
from services.runtime.identities import US
from services.runtime.settings import Identity

from .carrier import LARGEST_ANSWER, Brought
from .ssh import Line, NoLine

DOWN: Final = "OutBox"
"""Where documents are put down, and lie until they are taken."""
TAKEN: Final = "SentBox"
"""Where they lie once they were taken."""
UNREAD: Final = "FailBox"
"""Where they lie if nobody there could read them."""
RECEIPTS: Final = "InBox"
_DOES: Final = {"POST": "put", "GET": "fetch"}
_PROTOCOL: Final = "network.protocol.name"
_ORGANISATION: Final = "tongche.organisation"
_BOX: Final = "tongche.box"
"""Where what was spoken of lies; without it there is no trace of it."""
_PIECE: Final = 16_384
_NOT_THERE: Final = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
_FAILED: Final = (asyncssh.Error, OSError)


@dataclass(frozen=True, slots=True)
class Sftp:
    """Below a folder, which is called after the organisation."""

    line: Line
    folder: str

    async def carry(self, endpoint: Endpoint, letter: Letter, key: str | None) -> Brought:
        """As `Carrier` says. What is posted is put down, what is got is fetched; the letter's headers say which file.

        202 is that a document lies there, or was taken and has no receipt; 404, that there is no trace of it. Raises
        `BrokenAnswer` for one that nobody there could read.
        """
        del key
        until = asyncio.get_running_loop().time() + endpoint.timeout.total_seconds()
        told = {_PROTOCOL: "sftp", _ORGANISATION: self.line.organisation}
        with tracing.span(f"{_DOES[endpoint.method]} {endpoint.action}", "client", attributes=told) as span:
            client = await self._client(until)
            if endpoint.method == "GET":
                return await self._fetched(client, letter, until, span)
            return await self._put(client, letter, until, span)

    async def _client(self, until: float) -> asyncssh.SFTPClient:
        try:
            async with asyncio.timeout_at(until):
                return await self.line.client()
        except (NoLine, TimeoutError):
            raise Unavailable from None

    async def _put(
        self, client: asyncssh.SFTPClient, letter: Letter, until: float, span: tracing.SpanHandle
    ) -> Brought:
        name = letter.headers[FILE]
        fresh, there = self._path(DOWN, f".{name}.{secrets.token_hex(8)}"), self._path(DOWN, name)
        try:
            with self.line.using(client):
                async with asyncio.timeout_at(until):
                    await _write(client, fresh, letter.raw)
        except asyncssh.SFTPError as refused:
            # They are there and take nothing now: for want of room, or because they say so.
            if isinstance(refused, asyncssh.SFTPNoConnection | asyncssh.SFTPConnectionLost):
                raise Unavailable from None
            await _throw_away(client, fresh, until)
            raise Unavailable(status=_BUSY) from None
        except _FAILED:
            raise Unavailable from None
        async with self._doubtful(client, until):
            await _put_in_place(client, fresh, there, until)
        span.set(_BOX, DOWN)
        return Brought(HTTPStatus.ACCEPTED, {}, b"")

    async def _fetched(
        self, client: asyncssh.SFTPClient, letter: Letter, until: float, span: tracing.SpanHandle
    ) -> Brought:
        name = letter.headers[FILE]
        async with self._doubtful(client, until):
            # As long as it lies there, what may lie in the receipts under its name answers an earlier one.
            if await client.exists(self._path(DOWN, name)):
                span.set(_BOX, DOWN)
                return Brought(HTTPStatus.ACCEPTED, {}, b"")
            receipt = await _read(client, self._path(RECEIPTS, letter.headers[RECEIPT]))
            if receipt is not None:
                span.set(_BOX, RECEIPTS)
                return Brought(HTTPStatus.OK, {}, receipt)
            if await client.exists(self._path(TAKEN, name)):
                span.set(_BOX, TAKEN)
                return Brought(HTTPStatus.ACCEPTED, {}, b"")
            if await _lies(client, self._path(UNREAD, name)):
                span.set(_BOX, UNREAD)
                # Nobody decided anything, and the same document will fare no better: people must see it.
                reason = "unread-there"
                raise BrokenAnswer(reason)
            span.set(_BOX, None)
            return Brought(HTTPStatus.NOT_FOUND, {}, b"")

    @asynccontextmanager
    async def _doubtful(self, client: asyncssh.SFTPClient, until: float) -> AsyncIterator[None]:
        """Within it, nobody can tell from a failure what has happened."""
        try:
            with self.line.using(client):
                async with asyncio.timeout_at(until):
                    yield
        except _FAILED:
            raise Ambiguous from None

    def _path(self, box: str, name: str) -> str:
        return f"{self.folder}/{box}/{name}"


_BUSY: Final = HTTPStatus.SERVICE_UNAVAILABLE
PORT: Final = 22


def to(url: str, organisation: str, identities: Mapping[str, Identity], proofs: Callable[[], Sequence[str]]) -> Sftp:
    """The way to `sftp://user@host:port/folder`, there in the organisation's own; without a user as `tongche`.

    Raises LookupError where we have no key to show.
    """
    if US not in identities:
        message = f"secrets.json has no identity {US!r} to show: tongche up makes one"
        raise LookupError(message)
    address, user = urlsplit(url), unquote(urlsplit(url).username or US)
    line = Line(organisation, str(address.hostname), address.port or PORT, user, lambda: identities[US], proofs)
    return Sftp(line, f"{address.path.rstrip('/')}/{organisation}")


def proofs(known: Notifiers, organisation: str, host: Identity | None) -> tuple[str, ...]:
    """By what its host may prove itself. `host` is the simulator's, which all simulated ones of a kind share."""
    registered = known.proofs(organisation)
    return registered if host is None else (*registered, host.certificate)


async def _write(client: asyncssh.SFTPClient, path: str, raw: bytes) -> None:
    """A new file, on their disk if they can say so."""
    async with client.open(path, "xb") as file:
        await file.write(raw)
        with suppress(asyncssh.SFTPOpUnsupported):
            await file.fsync()


async def _throw_away(client: asyncssh.SFTPClient, fresh: str, until: float) -> None:
    """Take away what was begun, if they still let us: each try begins another, and a full disk would never empty."""
    with suppress(*_FAILED):
        async with asyncio.timeout_at(until):
            await client.remove(fresh)


async def _lies(client: asyncssh.SFTPClient, path: str) -> bool:
    """Whether a file is there, in a folder into which not everybody may look."""
    try:
        return await client.exists(path)
    except asyncssh.SFTPPermissionDenied:
        return False


async def _put_in_place(client: asyncssh.SFTPClient, fresh: str, there: str, until: float) -> None:
    """Rename it. One that lies there under the same name is the same: its name is the command's key."""
    try:
        await client.rename(fresh, there)
    except asyncssh.SFTPError:
        # Most servers have one code for everything, so only looking tells.
        is_there = await client.exists(there)
        await _throw_away(client, fresh, until)
        if not is_there:
            raise


async def _read(client: asyncssh.SFTPClient, path: str) -> bytes | None:
    """A file as it is now, or None where there is none. Raises `BrokenAnswer` for one that is too long."""
    parts = bytearray()
    try:
        async with client.open(path, "rb") as file:
            # The library's types know only of texts.
            while part := cast("bytes", await file.read(_PIECE)):
                parts += part
                if len(parts) > LARGEST_ANSWER:
                    reason = "too-large"
                    raise BrokenAnswer(reason, HTTPStatus.OK)
    except _NOT_THERE:
        return None
    return bytes(parts)
