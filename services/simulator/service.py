"""The simulator as a process: crash-only, like every service of ours."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import uvloop
from aiohttp import web

from observability import logs
from services.runtime import topics
from services.runtime.lanes import Lanes
from services.runtime.settings import Settings
from services.simulator.borrowers import Borrowers
from services.simulator.feed import HEARD, Ears, feed
from services.simulator.makers import Makers
from services.simulator.web import Doors
from services.simulator.world import opened

CRASHED: Final = 70


def run() -> None:
    """Run until told to stop (exit 0) or until something unplanned happens (exit 70)."""
    settings = Settings()
    logs.configure("simulator", settings.log_format)
    if uvloop.run(_live(settings)):
        raise SystemExit(CRASHED)


async def _live(settings: Settings) -> bool:
    world = opened(settings.data / "simulator", settings.clock_of_others)
    lanes = feed(settings, Ears(Makers(world), Borrowers(world)), os.environ.get("TONGCHE_SLOT", "0"))
    doors = Doors(world, settings.secret().operator_token, ready=lambda: _missing(lanes))
    stop = _told_to_stop()
    async with serving(doors.app(), settings.bind, settings.simulator_port):
        working = {
            asyncio.create_task(world.journal.run(), name="journal"),
            asyncio.create_task(_consume(settings, lanes), name="makers"),
        }
        stopping = asyncio.create_task(stop.wait(), name="stop")
        done, _ = await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            logs.get().error("crashed", task=task.get_name(), exc_info=task.exception())
        if stopping in done:
            await lanes.stop()
        for task in (*working, stopping):
            task.cancel()
        await asyncio.gather(*working, stopping, return_exceptions=True)
    world.journal.close()
    return stopping not in done


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


async def _consume(settings: Settings, lanes: Lanes) -> None:
    await topics.wait_for(settings, set(HEARD))
    await lanes.run()


def _missing(lanes: Lanes) -> list[str]:
    return [] if lanes.ready.is_set() else ["consumer simulator.makers"]


def _told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
