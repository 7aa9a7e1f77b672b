"""A TCP link that can be spoiled while it is in use: slow, sliced, narrow, one-way, dead or cut.

What a dead link swallows it keeps, and delivers when the link lives again: so does the network, which sends again.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Final, Literal, Self

Direction = Literal["up", "down"]
"""Up is from who calls to who is called."""

_MOST_AT_ONCE: Final = 65_536
_MOST_UNDER_WAY: Final = 256
"""Pieces that one direction holds: past that the sender feels it, as with a full window."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What a link is like now; clear unless something is said. Applies to a share of the connections."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    slice_bytes: int | None = None
    """Packets no longer than this."""
    bytes_per_s: float | None = None
    dead: frozenset[Direction] = frozenset()
    """One direction: half open. Both: a black hole, which accepts and never answers."""
    cut: bool = False
    """Every connection is reset, old and new."""
    share: float = 1.0


CLEAR: Final = Weather()
HALF_OPEN: Final = Weather(dead=frozenset({"down"}))
BLACK_HOLE: Final = Weather(dead=frozenset({"up", "down"}))


@dataclass(eq=False, slots=True)
class _Connection:
    """One accepted connection and the one behind it; `luck` decides whether a share of the weather hits it."""

    client: asyncio.StreamWriter
    luck: float
    server: asyncio.StreamWriter | None = None

    def reset(self) -> None:
        """End both sides at once, with an RST and not a goodbye."""
        for side in filter(None, (self.client, self.server)):
            raw = side.get_extra_info("socket")
            with suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            side.transport.abort()


@dataclass(slots=True)
class Proxy:
    """Stands before one address, on a port of its own."""

    host: str
    target: int
    """The port of the address."""
    random: Random = field(default_factory=Random)
    port: int = 0
    """Where it listens; 0 lets the system choose."""
    path: str = ""
    """A Unix socket in place of the address."""
    weather: Weather = CLEAR
    passed: int = 0
    """Bytes that came through, both ways."""
    _connections: set[_Connection] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def turn(self, weather: Weather) -> None:
        """Change the weather, for what is open already as well."""
        self.weather = weather
        if weather.cut:
            self.reset(weather.share)
        # Whoever waits looks again; who comes later waits for the next change.
        self._changed.set()
        self._changed = asyncio.Event()

    def reset(self, share: float = 1.0) -> None:
        """Reset a share of the connections, once."""
        for connection in list(self._connections):
            if connection.luck < share:
                connection.reset()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio's would log each one that is cancelled.
        task = asyncio.create_task(self._live(_Connection(writer, self.random.random()), reader))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        self._connections.add(connection)
        try:
            await self._joined(connection, reader)
        except* OSError:
            connection.reset()  # an end broke off, or there is nobody behind us: both ends feel it
        finally:
            self._connections.discard(connection)
            for side in filter(None, (connection.client, connection.server)):
                side.close()

    async def _joined(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        if self._felt_by(connection).cut:
            connection.reset()
            return
        await self._passable("up", connection)
        behind, connection.server = await self._behind()
        async with asyncio.TaskGroup() as ways:
            ways.create_task(self._way("up", connection, reader, connection.server))
            ways.create_task(self._way("down", connection, behind, connection.client))

    async def _behind(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.path:
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection(self.host, self.target)

    async def _way(
        self, direction: Direction, connection: _Connection, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        """Carry one direction: late pieces follow each other at their distance, none overtakes another."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST_UNDER_WAY)
        delivering = asyncio.create_task(self._deliver(direction, connection, under_way, sink))
        try:
            while not delivering.done():
                piece = await _read(source)
                await under_way.put((self._due(connection), piece))
                if not piece:
                    break
            await delivering
        finally:
            delivering.cancel()
            await asyncio.wait({delivering})

    def _due(self, connection: _Connection) -> float:
        weather = self._felt_by(connection)
        late = weather.latency_s + weather.jitter_s * self.random.random()
        return asyncio.get_running_loop().time() + late

    async def _deliver(
        self,
        direction: Direction,
        connection: _Connection,
        under_way: asyncio.Queue[tuple[float, bytes]],
        sink: asyncio.StreamWriter,
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, piece = await under_way.get()
            await asyncio.sleep(due - loop.time())
            await self._passable(direction, connection)
            if not piece:
                if sink.can_write_eof():
                    sink.write_eof()
                return
            for part in _sliced(piece, self._felt_by(connection).slice_bytes):
                sink.write(part)
                await sink.drain()
                self.passed += len(part)
                await self._narrow(connection, len(part))

    async def _narrow(self, connection: _Connection, size: int) -> None:
        weather = self._felt_by(connection)
        # Without a limit still one turn of the loop, so that slices leave one by one.
        await asyncio.sleep(size / weather.bytes_per_s if weather.bytes_per_s else 0)

    async def _passable(self, direction: Direction, connection: _Connection) -> None:
        while direction in self._felt_by(connection).dead:
            await self._changed.wait()

    def _felt_by(self, connection: _Connection) -> Weather:
        return self.weather if connection.luck < self.weather.share else CLEAR


async def _read(source: asyncio.StreamReader) -> bytes:
    return await source.read(_MOST_AT_ONCE)


def _sliced(piece: bytes, size: int | None) -> Iterator[bytes]:
    step = size or len(piece)
    return (piece[start : start + step] for start in range(0, len(piece), step))
