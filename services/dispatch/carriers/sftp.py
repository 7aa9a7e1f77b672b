"""The way to an organisation by files: a document is put down under a name, its receipt is fetched by another.

A document is written under a temporary name and renamed: it is there as a whole or not at all, and no second one ever
takes its place. Nothing is listed: a folder may hold the receipts of years, and of others. Until the renaming begins
nothing can have happened; after that everything may have. What a try leaves under its temporary name because its line
was lost, the next one for the same document takes away first; what a process leaves that was killed is the host's.

A file has no header for a traceparent, and we write none into a document that an organisation may compare by its bytes:
each exchange is a span of ours, which says in which box something was put or found.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
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
_ONE_BY_ONE: Final = 0
"""As the size of a block: requests of ours and no others, which the library would leave behind when we give up."""
_MOST_LEFT: Final = 1000
_NOT_THERE: Final = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
_FAILED: Final = (asyncssh.Error, OSError)


@dataclass(frozen=True, slots=True)
class Sftp:
    """Below a folder, which is called after the organisation."""

    line: Line
    folder: str
    _left: dict[str, str] = field(default_factory=dict)
    """What tries may have left there, and for which document. Each has a name that nobody else gives."""
    _trying: set[str] = field(default_factory=set)
    """Those of tries that are not over."""

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

    def anew(self) -> Sftp:
        """The same way, with a line of its own that is not open yet."""
        line = self.line
        return Sftp(Line(line.organisation, line.host, line.port, line.user, line.ours, line.proofs), self.folder)

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
        await self._clear_up(client, name, until)
        with self._begun(fresh, name):
            await self._put_down(client, fresh, letter.raw, until)
            async with self._doubtful(client, until):
                await self._put_in_place(client, fresh, there, until)
        span.set(_BOX, DOWN)
        return Brought(HTTPStatus.ACCEPTED, {}, b"")

    @contextmanager
    def _begun(self, fresh: str, name: str) -> Iterator[None]:
        """Within it a document is tried under a temporary name."""
        self._left[fresh] = name
        self._trying.add(fresh)
        try:
            yield
        finally:
            self._trying.remove(fresh)

    async def _put_down(self, client: asyncssh.SFTPClient, fresh: str, raw: bytes, until: float) -> None:
        try:
            with self.line.using(client):
                async with asyncio.timeout_at(until):
                    await _write(client, fresh, raw)
        except asyncssh.SFTPError as refused:
            # They are there and take nothing now: for want of room, or because they say so.
            if isinstance(refused, asyncssh.SFTPNoConnection | asyncssh.SFTPConnectionLost):
                raise Unavailable from None
            await self._throw_away(client, fresh, until)
            raise Unavailable(status=_BUSY) from None
        except _FAILED:
            raise Unavailable from None

    async def _put_in_place(self, client: asyncssh.SFTPClient, fresh: str, there: str, until: float) -> None:
        """Rename it. One that lies there under the same name is the same: its name is the command's key."""
        try:
            await client.rename(fresh, there)
        except asyncssh.SFTPError:
            # Most servers have one code for everything, so only looking tells.
            is_there = await client.exists(there)
            await self._throw_away(client, fresh, until)
            if not is_there:
                raise
        else:
            self._left.pop(fresh, None)

    async def _clear_up(self, client: asyncssh.SFTPClient, name: str, until: float) -> None:
        """Take away what earlier tries for a document left: nobody tries that any more, nor will it be renamed late."""
        for path in [path for path, of in self._left.items() if of == name and path not in self._trying]:
            await self._throw_away(client, path, until)
        while len(self._left) > _MOST_LEFT:
            del self._left[next(iter(self._left))]

    async def _throw_away(self, client: asyncssh.SFTPClient, fresh: str, until: float) -> None:
        """Take away what was begun, if they let us: each try begins another, and a full disk would never empty."""
        with suppress(*_FAILED):
            async with asyncio.timeout_at(until):
                with suppress(*_NOT_THERE, asyncssh.SFTPPermissionDenied):
                    await client.remove(fresh)
                self._left.pop(fresh, None)

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


def proofs(known: Notifiers, organisation: str, host: Callable[[], Identity | None]) -> tuple[str, ...]:
    """By what its host may prove itself now. `host` is the simulator's, which all simulated ones of a kind share."""
    registered, shared = known.proofs(organisation), host()
    return registered if shared is None else (*registered, shared.certificate)


@asynccontextmanager
async def _opened(client: asyncssh.SFTPClient, path: str, mode: str) -> AsyncIterator[asyncssh.SFTPClientFile]:
    """A file of theirs, closed again; but who gives up waits for nobody who might answer that, and hangs up."""
    file = await client.open(path, mode, block_size=_ONE_BY_ONE)
    try:
        yield file
    except (*_FAILED, BrokenAnswer):
        await file.close()
        raise
    await file.close()


async def _write(client: asyncssh.SFTPClient, path: str, raw: bytes) -> None:
    """A new file, on their disk if they can say so."""
    async with _opened(client, path, "xb") as file:
        for begin in range(0, len(raw), _PIECE):
            await file.write(raw[begin : begin + _PIECE])
        with suppress(asyncssh.SFTPOpUnsupported):
            await file.fsync()


async def _lies(client: asyncssh.SFTPClient, path: str) -> bool:
    """Whether a file is there, in a folder into which not everybody may look."""
    try:
        return await client.exists(path)
    except asyncssh.SFTPPermissionDenied:
        return False


async def _read(client: asyncssh.SFTPClient, path: str) -> bytes | None:
    """A file as it is now, or None where there is none. Raises `BrokenAnswer` for one that is too long."""
    parts = bytearray()
    try:
        async with _opened(client, path, "rb") as file:
            # The library's types know only of texts.
            while part := cast("bytes", await file.read(_PIECE)):
                parts += part
                if len(parts) > LARGEST_ANSWER:
                    reason = "too-large"
                    raise BrokenAnswer(reason, HTTPStatus.OK)
    except _NOT_THERE:
        return None
    return bytes(parts)
