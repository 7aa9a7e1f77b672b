"""The door of organisations that are spoken to by files: an SFTP server that knows one key and lists nothing.

Whoever comes sees the folders of these organisations and nothing else. He may write a file in OutBox under a name that
begins with a dot, give it its own name there, and see and read a receipt of which he knows the name. He lists nothing,
and no file of anybody's is changed, replaced or removed.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from stat import S_IFREG
from typing import Any, Final, Never, Protocol

import asyncssh
from asyncssh.constants import FXF_CREAT, FXF_EXCL, FXF_WRITE
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from observability import logs
from services.runtime.settings import Identity
from services.simulator.faces.boxes import Boxes, Title, title

US: Final = "tongche"
LONGEST: Final = 10 * 1024**3
"""Bytes of a receipt without end."""
_LOOK_S: Final = 0.5
_NEW: Final = FXF_WRITE | FXF_CREAT | FXF_EXCL


class Hangs(Exception):
    """Nothing is said to this any more, for as long as the caller waits."""


class Cuts(Exception):
    """The connection ends without a word."""


class Declines(Exception):
    """The organisation takes nothing, or gives nothing, for now. Its text is said to the caller."""


class Receipt(BytesIO):
    """What is to be read, with no file of the machine's behind it."""

    @property
    def length(self) -> int:
        """In bytes."""
        return self.getbuffer().nbytes

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Also to the next data or hole, as is asked before a file is copied that may be sparse: this is data alone."""
        if whence == os.SEEK_DATA and offset >= self.length:
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        if whence in {os.SEEK_DATA, os.SEEK_HOLE}:
            return self.go(offset if whence == os.SEEK_DATA else self.length)
        return self.go(offset, whence)

    def go(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As `seek` of any file."""
        return super().seek(offset, whence)


class Endless(Receipt):
    """A receipt that begins like one and goes on."""

    def __init__(self, opening: bytes, filler: bytes) -> None:
        super().__init__(opening)
        self.opening, self.filler = opening, filler
        self.at = 0

    @property
    def length(self) -> int:
        """So long that nobody waits for its end."""
        return LONGEST

    def go(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Only ever from its beginning."""
        del whence
        self.at = offset
        return offset

    def read(self, size: int | None = -1, /) -> bytes:
        if self.at >= LONGEST or not size or size < 0:
            return b""
        begun = self.opening[self.at : self.at + size]
        return (begun + self.filler * (size // len(self.filler) + 1))[:size]


class Office(Protocol):
    """What stands behind the door, by organisation. What it raises may be any of the three above."""

    def boxes(self, organisation: str) -> Boxes | None: ...

    def refuses(self) -> bool:
        """Whether nobody gets in."""

    async def may_begin(self, organisation: str) -> bool:
        """Whether what somebody begins to write now will get its name."""

    def came(self, organisation: str, about: Title) -> None:
        """A document lies there, durably."""

    async def receipt(self, organisation: str, name: str) -> Receipt | None:
        """What is to be read under the name of a receipt."""

    def asked_for(self, organisation: str, about: Title) -> None:
        """Somebody looked for a document among those that were taken."""


@dataclass(slots=True)
class Door:
    """One port. `ours` is whom it lets in at the moment, by any of his certificates.

    `its` is what proves the organisations at the moment: who comes in sees the newest. None where that is not known,
    which changes nothing.
    """

    office: Office
    ours: Callable[[], Sequence[Identity]]
    its: Callable[[], Identity | None]
    _inside: set[asyncssh.SSHServerConnection] = field(default_factory=set)

    @asynccontextmanager
    async def open(self, host: str, port: int) -> AsyncIterator[int]:
        """Let callers in until the block ends; gives the port. Raises LookupError where nothing proves the host."""
        shown = self.its()
        if shown is None:
            message = "no key to prove the host by"
            raise LookupError(message)
        acceptor = await asyncssh.listen(
            host,
            port,
            config=None,
            server_factory=lambda: _Porter(self.office, self.ours, self._inside),
            server_host_keys=[asyncssh.import_private_key(shown.key)],
            sftp_factory=lambda chan: Counter(chan, self.office),
            compression_algs=["none"],
            agent_forwarding=False,
            x11_forwarding=False,
            login_timeout=10.0,
        )
        showing = asyncio.create_task(self._show_the_newest(acceptor, shown))
        try:
            yield acceptor.get_port()
        finally:
            showing.cancel()
            acceptor.close()
            for connection in list(self._inside):
                connection.abort()
            await acceptor.wait_closed()

    async def _show_the_newest(self, acceptor: asyncssh.SSHAcceptor, shown: Identity) -> None:
        """Whoever is inside stays there, as he was let in."""
        while True:
            await asyncio.sleep(_LOOK_S)
            fresh = self.its() or shown
            if fresh == shown:
                continue
            shown = fresh
            try:
                acceptor.update(server_host_keys=[asyncssh.import_private_key(fresh.key)])
            except asyncssh.KeyImportError:
                logs.get().warning("host_key_unreadable")


def public_key(certificate: str) -> asyncssh.SSHKey:
    """The key of a certificate."""
    key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    return asyncssh.import_public_key(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@dataclass(eq=False, slots=True)
class _Porter(asyncssh.SSHServer):
    """Who gets in."""

    office: Office
    ours: Callable[[], Sequence[Identity]]
    inside: set[asyncssh.SSHServerConnection]
    _connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if self.office.refuses():
            conn.abort()
            return
        self._connection = conn
        self.inside.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._connection is not None:
            self.inside.discard(self._connection)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == US and key in [public_key(one.certificate) for one in self.ours()]


class Counter(asyncssh.SFTPServer):
    """One caller at the counter."""

    def __init__(self, chan: Any, office: Office) -> None:
        super().__init__(chan)
        self._office = office
        self._doomed: set[str] = set()

    # -- what may be done

    async def open(self, path: bytes, pflags: int, attrs: Any) -> object:
        del attrs
        organisation, box, name, boxes = self._place(path)
        if pflags & FXF_WRITE:
            if box != "OutBox" or not name.startswith(".") or pflags & _NEW != _NEW:
                raise asyncssh.SFTPPermissionDenied("only a new file, only in OutBox")
            if not await self._kept(self._office.may_begin(organisation)):
                self._doomed.add(name)
            return boxes.path("OutBox", name).open("xb", buffering=0)
        if box != "InBox":
            raise asyncssh.SFTPPermissionDenied("only receipts")
        found = await self._kept(self._office.receipt(organisation, name))
        if found is None:
            raise asyncssh.SFTPNoSuchFile("no such receipt")
        return found

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        organisation, box, begun, boxes = self._place(oldpath)
        other, there, name, _ = self._place(newpath)
        about = title(name)
        if (organisation, box, there) != (other, "OutBox", "OutBox") or not begun.startswith(".") or about is None:
            raise asyncssh.SFTPPermissionDenied("only what was begun, only in its place")
        if begun in self._doomed:
            raise asyncssh.SFTPFailure("500")
        try:
            await asyncio.to_thread(boxes.place, boxes.path("OutBox", begun), boxes.path("OutBox", name))
        except FileExistsError:
            raise asyncssh.SFTPFailure("it is there") from None
        self._office.came(organisation, about)

    async def stat(self, path: bytes) -> Any:
        organisation, box, name, boxes = self._place(path)
        if box == "InBox":
            return _receipt(boxes, name).stat()
        about = title(name)
        if box not in {"OutBox", "SentBox"} or about is None:
            raise asyncssh.SFTPPermissionDenied("only documents and receipts")
        if box == "SentBox":
            self._office.asked_for(organisation, about)
        return boxes.path("OutBox" if box == "OutBox" else "SentBox", name).stat()

    async def lstat(self, path: bytes) -> Any:
        return await self.stat(path)  # nothing here is a link

    def fstat(self, file_obj: object) -> Any:
        """Ordinary clients ask how long a file is before they read it."""
        if isinstance(file_obj, Receipt):
            return asyncssh.SFTPAttrs(size=file_obj.length, permissions=_READ_ONLY)
        return super().fstat(file_obj)

    def remove(self, path: bytes) -> None:
        _, box, name, boxes = self._place(path)
        if box != "OutBox" or not name.startswith("."):
            raise asyncssh.SFTPPermissionDenied("only what was begun")
        boxes.path("OutBox", name).unlink()

    # -- what may not

    def _nobody_may(self, *_: Any) -> Never:
        raise asyncssh.SFTPPermissionDenied("nobody may")

    open56 = setstat = lsetstat = scandir = mkdir = rmdir = _nobody_may  # type: ignore[assignment]
    readlink = symlink = link = posix_rename = statvfs = _nobody_may  # type: ignore[assignment]

    def _place(self, path: bytes) -> tuple[str, str, str, Boxes]:
        """Whose folder, which, and the file in it: nothing else has a path."""
        parts = PurePosixPath("/", path.decode(errors="replace")).parts[1:]
        boxes = self._office.boxes(parts[0]) if len(parts) == _DEPTH and ".." not in parts else None
        if boxes is None:
            raise asyncssh.SFTPNoSuchFile("no such place")
        return parts[0], parts[1], parts[2], boxes

    async def _kept(self, doing: Any) -> Any:
        """What comes of it, or what is to happen to the caller instead."""
        try:
            return await doing
        except Declines as no:
            raise asyncssh.SFTPFailure(str(no)) from None
        except Cuts:
            self.connection.abort()
            raise asyncssh.SFTPConnectionLost("cut") from None
        except Hangs:
            await asyncio.get_running_loop().create_future()
            raise AssertionError from None


def _receipt(boxes: Boxes, name: str) -> Path:
    """Where one lies that may be read. Raises `SFTPNoSuchFile`."""
    there = boxes.path("InBox", name)
    if name.startswith(".") or not there.is_file():
        raise asyncssh.SFTPNoSuchFile("no such receipt")
    return there


_DEPTH: Final = 3
_READ_ONLY: Final = S_IFREG | 0o400
