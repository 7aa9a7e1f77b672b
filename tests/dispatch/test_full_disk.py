"""A host that has no room, and one that could not read what it got: nothing is left behind, nothing goes unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from adapters.errors import Ambiguous, BrokenAnswer, Unavailable
from services.dispatch.carriers.sftp import DOWN, RECEIPTS, TAKEN, UNREAD, Sftp
from services.dispatch.carriers.ssh import Line
from tests.dispatch.window import IDENTITIES, fetch, put

NAME = "DEC01_k-1.xml"


@dataclass
class Host:
    """An ordinary server of files with customs' folders. `refuses` names what it cannot do now."""

    folder: Path
    refuses: set[str] = field(default_factory=set)

    def lying(self, box: str) -> list[str]:
        """What lies in a folder, also what was only begun."""
        return sorted(file.name for file in (self.folder / "customs" / box).iterdir())

    def lay(self, box: str, text: str = "") -> None:
        """Put our document there, as they would."""
        (self.folder / "customs" / box / NAME).write_text(text, encoding="utf-8")

    def demand(self, what: str) -> None:
        """Refuse as most servers do, with one code for everything."""
        if what in self.refuses:
            raise asyncssh.SFTPFailure(what)


class _Disk(asyncssh.SFTPServer):
    def __init__(self, chan: Any, host: Host) -> None:
        super().__init__(chan, chroot=str(host.folder).encode())
        self._host = host

    def write(self, file_obj: object, offset: int, data: bytes) -> Any:
        # Half of it found room.
        super().write(file_obj, offset, data[: len(data) // 2])
        self._host.demand("write")
        return super().write(file_obj, offset, data)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._host.demand("rename")
        super().rename(oldpath, newpath)

    def stat(self, path: bytes) -> Any:
        if b"FailBox" in path and "look" in self._host.refuses:
            raise asyncssh.SFTPPermissionDenied("not yours")
        return super().stat(path)


class _Gate(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        del username
        return False


@asynccontextmanager
async def _open(host: Host) -> AsyncIterator[Sftp]:
    for box in (DOWN, RECEIPTS, TAKEN, UNREAD):
        (host.folder / "customs" / box).mkdir(parents=True)
    key = asyncssh.import_private_key(IDENTITIES["customs"].key)
    listening = await asyncssh.listen(
        "127.0.0.1",
        0,
        config=None,
        server_factory=_Gate,
        server_host_keys=[key],
        sftp_factory=lambda chan: _Disk(chan, host),
    )
    known = [IDENTITIES["customs"].certificate]
    line = Line("customs", "127.0.0.1", listening.get_port(), "tongche", lambda: IDENTITIES["tongche"], lambda: known)
    try:
        yield Sftp(line, "/customs")
    finally:
        await line.close()
        listening.close()
        await listening.wait_closed()


Scene = Callable[[Host, Sftp], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    """Play a scene at a host of its own."""

    async def played(scene: Scene) -> None:
        host = Host(tmp_path / "disk")
        async with asyncio.timeout(60), _open(host) as way:
            await scene(host, way)

    return lambda scene: asyncio.run(played(scene))


@pytest.mark.parametrize(("refused", "wrong"), [("write", Unavailable), ("rename", Ambiguous)])
def test_what_was_begun_in_vain_is_taken_away(
    play: Callable[[Scene], None], refused: str, wrong: type[Exception]
) -> None:
    """Each try begins a file of its own: left there, they would fill what little room there is."""

    async def scene(host: Host, way: Sftp) -> None:
        host.refuses.add(refused)
        for _ in range(3):
            with pytest.raises(wrong):
                await put(way, "k-1")
        assert host.lying(DOWN) == []
        host.refuses.clear()
        assert (await put(way, "k-1")).status == 202
        assert host.lying(DOWN) == [NAME]

    play(scene)


def test_what_nobody_there_could_read_is_no_unknown(play: Callable[[Scene], None]) -> None:
    """It is not put down again and again until the deadline: somebody must look at it."""

    async def scene(host: Host, way: Sftp) -> None:
        assert (await fetch(way, "k-1")).status == 404
        host.lay(UNREAD)
        with pytest.raises(BrokenAnswer, match="^unread-there$"):
            await fetch(way, "k-1")
        # Where we may not look, we know as little as before.
        host.refuses.add("look")
        assert (await fetch(way, "k-1")).status == 404

    play(scene)


def test_what_was_read_at_last_is_taken(play: Callable[[Scene], None]) -> None:
    """Put down again by a person it lies elsewhere, whatever came of it before."""

    async def scene(host: Host, way: Sftp) -> None:
        host.lay(UNREAD)
        for box in (TAKEN, DOWN):
            host.lay(box)
            assert (await fetch(way, "k-1")).status == 202

    play(scene)
