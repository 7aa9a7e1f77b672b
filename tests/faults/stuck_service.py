"""A service of the real face that gets stuck in a chosen way; started as a process of its own."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress

from fastapi import FastAPI
from sqlalchemy import Connection

from contracts import topics
from observability import logs
from services.runtime import outbox
from services.runtime.face import Runtime, run
from services.runtime.lanes import Lane
from services.runtime.record import Record
from tests.runtime.bench import outgoing
from tests.runtime.test_lanes import Notebook


async def _forever() -> None:
    await asyncio.Event().wait()


async def _blocked() -> None:
    await asyncio.sleep(0.5)
    while True:
        time.sleep(1)  # noqa: ASYNC251 - that is the fault


class _Hanging(Notebook):
    """Asks somebody who never answers, and minds no cancellation."""

    async def handle(self, record: Record, known: object) -> None:
        del known
        logs.get().info("asked", place=record.id)
        while True:
            with suppress(asyncio.CancelledError):
                await _forever()


def _saying(runtime: Runtime) -> None:
    def act(connection: Connection) -> None:
        outbox.add_outgoing(connection, outgoing("1", topic=topics.SALE_EVENTS.name))

    async def say() -> None:
        await runtime.store.run(act)
        await _forever()

    runtime.background("saying", say)


def build(runtime: Runtime) -> FastAPI:
    """Get stuck as told: at saying goodbye, with something to say, or in the middle of everything."""
    match sys.argv[1]:
        case "clinging":
            runtime.closing(_forever)
        case "hanging":
            runtime.work(Lane("hanging", (sys.argv[2],), runtime.settings.kafka), _Hanging())
        case "unheard":
            _saying(runtime)
        case "blocked":
            runtime.background("blocked", _blocked)
    return FastAPI()


if __name__ == "__main__":
    run("dispatch", build, lambda settings: settings.dispatch_port)
