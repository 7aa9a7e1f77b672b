"""Dispatch's own deliveries to one insurer, with everything real but the agency: its ledger, fence, gate and lanes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from adapters.organisations import ORGANISATIONS, Organisation
from services.dispatch.attempts import Attempts
from services.dispatch.book import Book
from services.dispatch.calls import Agency
from services.dispatch.carriers.http import Http
from services.dispatch.deliveries import Deliveries
from services.dispatch.voice import Voice
from services.runtime.breaker import Breaker
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.gate import Gate
from services.runtime.ids import new_id
from services.runtime.lanes import Lanes
from services.runtime.outbox import Relay
from services.runtime.owner import Fence
from services.runtime.producer import Producer
from services.runtime.record import Record
from services.runtime.settings import Settings
from services.runtime.work import Lane

INSURER: Final[Organisation] = next(one for one in ORGANISATIONS.values() if one.adapter == "insurer")


@dataclass(slots=True)
class Counted(Deliveries):
    """Deliveries that tell of each command they have finished."""

    finished: Callable[[], None] = field(kw_only=True)

    async def handle(self, record: Record, known: Any | None) -> None:
        """As ever; then tell."""
        await Deliveries.handle(self, record, known)
        self.finished()


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many calls at once, how many commands are read ahead of them, and how many calls may begin in a second."""

    calls: int
    records: int
    per_second: float | None = None


@asynccontextmanager
async def opened(  # noqa: PLR0913 - what the service reads from its settings, by name
    *, kafka: str, name: str, topic: str, folder: Path, agency: Agency, capacity: Capacity, finished: Callable[[], None]
) -> AsyncIterator[asyncio.Task[None]]:
    """Deliver for as long as this lasts, as the dispatch service would; gives the running lanes."""
    store = open_store(Settings(data=folder), "dispatch")
    store.start()
    producer = Producer(kafka, "bench")
    await producer.start()
    relay = Relay(store, producer)
    store.on_commit = relay.told
    await relay.load()
    clock = Clock()
    book = Book(store, Fence(store, name, "0"), agency.adapter.features)
    gate = Gate(Breaker(agency.organisation.id), capacity.calls, capacity.per_second)
    attempts = Attempts(agency, Voice(agency.organisation, clock, new_id), book, gate, clock)
    deliveries = Counted(attempts, producer, finished=finished)
    lanes = Lanes(Lane(name, (topic,), kafka, at_once=capacity.records, records=capacity.records), deliveries)
    running = asyncio.create_task(lanes.run())
    aside = [asyncio.create_task(run()) for run in (book.fence.renew, deliveries.heads.run, relay.run)]
    try:
        yield running
        await lanes.stop()
    finally:
        for task in (running, *aside):
            task.cancel()
        await asyncio.gather(running, *aside, return_exceptions=True)
        await producer.stop()
        await store.stop()


def agency_at(url: str, http: aiohttp.ClientSession) -> Agency:
    """The insurer at an address."""
    return Agency(INSURER, Http(url, INSURER.id, http))
