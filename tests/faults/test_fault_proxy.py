"""The proxy spoils a link in every way that it promises, while the link is in use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from services.chaos.proxy import BLACK_HOLE, CLEAR, HALF_OPEN, Proxy, Weather

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while said := await reader.read(65_536):
            writer.write(said)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def _link() -> AsyncIterator[tuple[Proxy, Callable[[], Awaitable[Ends]]]]:
    """An echo behind a proxy, and a way to connect to it."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    opened: list[asyncio.StreamWriter] = []
    async with server, Proxy("127.0.0.1", server.sockets[0].getsockname()[1], Random(1)) as proxy:

        async def connect() -> Ends:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            opened.append(writer)
            return reader, writer

        yield proxy, connect
        for writer in opened:
            writer.close()


def _play(scenario: Callable[[Proxy, Callable[[], Awaitable[Ends]]], Awaitable[None]]) -> None:
    async def play() -> None:
        async with _link() as (proxy, connect), asyncio.timeout(60):
            await scenario(proxy, connect)

    asyncio.run(play())


async def _ask(ends: Ends, said: bytes) -> bytes:
    ends[1].write(said)
    return await ends[0].readexactly(len(said))


async def _silent(reading: asyncio.Task[Any]) -> bool:
    """Whether nothing has come for a while; what would come, comes in a millisecond."""
    done, _ = await asyncio.wait({reading}, timeout=0.2)
    return not done


def test_in_clear_weather_everything_comes_through() -> None:
    """A megabyte there and back, and the end of it too."""

    async def scenario(proxy: Proxy, connect: Callable[[], Awaitable[Ends]]) -> None:
        ends = await connect()
        said = bytes(range(256)) * 4096
        answer = asyncio.create_task(ends[0].readexactly(len(said)))
        ends[1].write(said)
        assert await answer == said
        ends[1].write_eof()
        assert await ends[0].read() == b""
        assert proxy.passed == 2 * len(said)

    _play(scenario)


def test_latency_and_jitter_make_it_late_and_change_no_order() -> None:
    """Each way waits its part; many pieces wait at once, not one after another."""

    async def scenario(proxy: Proxy, connect: Callable[[], Awaitable[Ends]]) -> None:
        proxy.turn(Weather(latency_s=0.1, jitter_s=0.05))
        ends, loop = await connect(), asyncio.get_running_loop()
        began = loop.time()
        said = b"".join(b"%04d" % number for number in range(100))
        for number in range(100):
            ends[1].write(said[4 * number : 4 * number + 4])
            await ends[1].drain()
        assert await ends[0].readexactly(len(said)) == said
        assert loop.time() - began >= 0.2

    _play(scenario)


def test_slicing_sends_tiny_packets() -> None:
    """What was one write arrives in many reads, whole."""

    async def scenario(proxy: Proxy, connect: Callable[[], Awaitable[Ends]]) -> None:
        proxy.turn(Weather(slice_bytes=3))
        assert await _ask(await connect(), b"0123456789" * 10) == b"0123456789" * 10

    _play(scenario)


def test_a_narrow_link_takes_its_time() -> None:
    """So many bytes a second and no more."""

    async def scenario(proxy: Proxy, connect: Callable[[], Awaitable[Ends]]) -> None:
        proxy.turn(Weather(bytes_per_s=10_000, slice_bytes=100))
        ends, loop = await connect(), asyncio.get_running_loop()
        began = loop.time()
        await _ask(ends, b"x" * 2_000)
        assert loop.time() - began >= 0.15

    _play(scenario)


def test_a_half_open_link_hears_and_does_not_answer() -> None:
    """What was said arrived; the answer comes when the link lives again."""

    async def scenario(proxy: Proxy, connect: Callable[[], Awaitable[Ends]]) -> None:
        ends = await connect()
        assert await _ask(ends, b"before") == b"before"
        passed = proxy.passed
        proxy.turn(HALF_OPEN)
        answer = asyncio.create_task(_ask(ends, b"lost?"))
        assert await _silent(answer)
        assert proxy.passed == passed + len(b"lost?")
        proxy.turn(CLEAR)
        assert await answer == b"lost?"

    _play(scenario)


def test_a_black_hole_accepts_and_never_answers() -> None:
    """Old connections and new ones; who waited gets it all when the link lives again."""

    async def scenario(proxy: Proxy, connect: Callable[[], Awaitable[Ends]]) -> None:
        old = await connect()
        proxy.turn(BLACK_HOLE)
        new = await connect()
        answers = [asyncio.create_task(_ask(ends, b"anybody?")) for ends in (old, new)]
        assert [await _silent(answer) for answer in answers] == [True, True]
        assert proxy.passed == 0
        proxy.turn(CLEAR)
        assert await asyncio.gather(*answers) == [b"anybody?", b"anybody?"]

    _play(scenario)


def test_a_reset_ends_every_connection_and_new_ones_are_welcome() -> None:
    """Once; a cut link goes on doing so."""

    async def scenario(proxy: Proxy, connect: Callable[[], Awaitable[Ends]]) -> None:
        old = await connect()
        await _ask(old, b"hello")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await old[0].read()
        assert await _ask(await connect(), b"hello") == b"hello"
        proxy.turn(Weather(cut=True))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await _ask(await connect(), b"hello")

    _play(scenario)


def test_a_share_of_the_connections_may_be_hit() -> None:
    """Some are in the storm and some are not, and each stays what it is."""

    async def scenario(proxy: Proxy, connect: Callable[[], Awaitable[Ends]]) -> None:
        many = [await connect() for _ in range(20)]
        for ends in many:
            await _ask(ends, b"hello")
        proxy.turn(Weather(dead=frozenset({"down"}), share=0.5))
        answers = [asyncio.create_task(_ask(ends, b"hello")) for ends in many]
        # With the first that is served all are who will be, as soon as the machine gets to them.
        await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        _, waiting = await asyncio.wait(answers, timeout=0.5)
        assert 0 < len(waiting) < len(many)
        proxy.turn(CLEAR)
        await asyncio.gather(*answers)

    _play(scenario)


def test_nobody_behind_it_is_felt_at_once() -> None:
    """A proxy before nothing resets who comes, and lives on."""

    async def play() -> None:
        async with Proxy("127.0.0.1", 1) as proxy, asyncio.timeout(30):
            for _ in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
                with pytest.raises(ConnectionResetError):
                    await reader.read()
                writer.close()

    asyncio.run(play())
