"""A simulator's life in a process: opened over its folder, at work until somebody stops it; it crashes rather than lie.

Nothing here knows of a broker: who serves one agency by itself need not load one.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from observability import logs
from services.runtime.settings import Settings
from services.simulator.faces.face import Premises
from services.simulator.inbox import Inbox
from services.simulator.mishaps import Chance, Mishaps, Pause
from services.simulator.web import Doors
from services.simulator.world import opened

CRASHED: Final = 70
"""The code with which a process ends that something unplanned happened to."""


async def _no_farewell() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Company:
    """What works beside the agencies, by name. `farewell` is waited for before it is ended."""

    work: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=dict)
    farewell: Callable[[], Awaitable[None]] = _no_farewell


def country(settings: Settings, chance: Chance = random.random, pause: Pause = asyncio.sleep) -> Premises:
    """All that faces stand on, over the data folder as it was left."""
    world = opened(settings.data / "simulator", settings.clock_of_others)
    return Premises(world, Mishaps(world, chance, pause), Inbox(world), settings)


async def lived(doors: Doors, company: Company, ready: Callable[[int], None]) -> bool:
    """Work until told to stop; `ready` hears the port. Whether something unplanned ended it."""
    world, settings = doors.premises.world, doors.premises.settings
    stop = _told_to_stop()
    async with serving(doors.app(), settings.bind, settings.simulator_port) as port:
        work = {"journal": world.journal.run, "faces": doors.work, **company.work}
        working = {asyncio.create_task(one(), name=name) for name, one in work.items()}
        stopping = asyncio.create_task(stop.wait(), name="stop")
        if await _opened(doors, {*working, stopping}):
            ready(port)
        done, _ = await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            logs.get().error("crashed", task=task.get_name(), exc_info=task.exception())
        if stopping in done:
            await company.farewell()
        for task in (*working, stopping):
            task.cancel()
        await asyncio.gather(*working, stopping, return_exceptions=True)
    world.journal.close()
    return stopping not in done


@asynccontextmanager
async def at_work(doors: Doors) -> AsyncIterator[int]:
    """All agencies at work in this process until the block ends; gives a port of 127.0.0.1."""
    journal = doors.premises.world.journal
    working = [asyncio.create_task(work) for work in (journal.run(), doors.work())]
    try:
        async with serving(doors.app(), "127.0.0.1", 0) as port:
            await _opened(doors, working)
            yield port
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        journal.close()


async def _opened(doors: Doors, working: Collection[asyncio.Task[Any]]) -> bool:
    """Wait until all doors are open; whether they are, or one of those at work has ended."""
    opening = asyncio.create_task(doors.opened())
    done, _ = await asyncio.wait({opening, *working}, return_when=asyncio.FIRST_COMPLETED)
    opening.cancel()
    return opening in done


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve an application; gives the port, which the system chooses where 0 was asked."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
