"""The simulator as a process: crash-only, like every service of ours."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import uvloop
from aiohttp import web

from observability import logs
from services.runtime import topics
from services.runtime.lanes import Lanes
from services.runtime.settings import Settings
from services.simulator.borrowers import Borrowers
from services.simulator.faces.face import Premises
from services.simulator.faults import Faults
from services.simulator.feed import HEARD, Ears, feed
from services.simulator.inbox import Inbox
from services.simulator.makers import Makers
from services.simulator.mishaps import Chance, Mishaps, Pause
from services.simulator.pushes import Pushes, pushes
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
    premises = country(settings)
    world = premises.world
    certificates = pushes(world, settings)
    ears = Ears(Makers(world, certificates.uploaded), Borrowers(world))
    lanes = feed(settings, ears, os.environ.get("TONGCHE_SLOT", "0"))
    doors = Doors(premises, settings.secret(), ready=lambda: _missing(lanes))
    return await _worked(doors, _Kafka(settings, lanes, certificates), _unannounced)


def country(settings: Settings, chance: Chance = random.random, pause: Pause = asyncio.sleep) -> Premises:
    """All that faces stand on, over the data folder as it was left."""
    world = opened(settings.data / "simulator", settings.clock_of_others)
    return Premises(world, Mishaps(world, chance, pause), Inbox(world), settings)


async def alone(settings: Settings, turned: Turned, chance: Chance, ready: Callable[[int], None]) -> bool:
    """Serve without a broker until told to stop; `ready` hears the port. True if something unplanned ended it.

    Nobody sells cars here, so no maker uploads a certificate by itself.
    """
    premises = country(settings, chance)
    for organisation, faults in turned.faults.items():
        premises.world.turn(organisation, faults)
    return await _worked(Doors(premises, settings.secret(), home=turned.home), None, ready)


@dataclass(frozen=True, slots=True)
class Turned:
    """How a simulator begins: who is shown first, and which knobs are turned at whom."""

    home: str
    faults: Mapping[str, Faults | None]


@dataclass(frozen=True, slots=True)
class _Kafka:
    """What the country hears of ours, and what MIIT tells us of it."""

    settings: Settings
    lanes: Lanes
    certificates: Pushes

    async def hear(self) -> None:
        await topics.wait_for(self.settings, set(HEARD))
        await self.lanes.run()


def _unannounced(_: int) -> None:
    """A supervisor chose the port, and asks whether it is ready."""


async def _worked(doors: Doors, kafka: _Kafka | None, ready: Callable[[int], None]) -> bool:
    world, settings = doors.premises.world, doors.premises.settings
    stop = _told_to_stop()
    async with serving(doors.app(), settings.bind, settings.simulator_port) as port:
        working = {
            asyncio.create_task(world.journal.run(), name="journal"),
            asyncio.create_task(doors.work(), name="faces"),
        }
        if kafka is not None:
            working.add(asyncio.create_task(kafka.hear(), name="makers"))
            working.add(asyncio.create_task(kafka.certificates.run(), name="pushes"))
        stopping = asyncio.create_task(stop.wait(), name="stop")
        ready(port)
        done, _ = await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            logs.get().error("crashed", task=task.get_name(), exc_info=task.exception())
        if stopping in done and kafka is not None:
            await kafka.lanes.stop()
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
            yield port
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        journal.close()


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


def _missing(lanes: Lanes) -> list[str]:
    return [] if lanes.ready.is_set() else ["consumer simulator.makers"]


def _told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
