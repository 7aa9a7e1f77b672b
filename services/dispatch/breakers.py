"""The breakers of all organisations, shared by the processes of dispatch and kept over a restart.

Each process has its own and writes every change into the store, with why; each second it reads what the others saw.
So one process that finds an organisation down holds all, and a pause of an hour survives a restart.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from observability import metrics
from services.runtime.breaker import LONGEST_PAUSE_S, Breaker, State
from services.runtime.gate import Gate
from services.runtime.sql import upsert
from services.runtime.store import Store, waited_out
from services.runtime.tables import breaker as table

_READ_EVERY_S: Final = 1.0
_NUMBER: Final = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


@dataclass(slots=True)
class Breakers:
    """`who` names this process; `wall` gives seconds since 1970, which all processes share."""

    store: Store
    who: str
    wall: Callable[[], float] = time.time
    since: dict[str, float] = field(default_factory=dict)
    """When each organisation's breaker last changed, by whoever saw it; until then, when this process began."""
    _heard: dict[str, float] = field(default_factory=dict)
    _gates: dict[str, Gate] = field(default_factory=dict)
    _changes: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    _adopting: bool = False

    def add(self, gate: Gate) -> None:
        """Share the breaker of this gate from now on."""
        breaker = gate.breaker
        self._gates[breaker.organisation] = gate
        self.since[breaker.organisation] = self.wall()
        breaker.changed = self._changed

    async def run(self) -> None:
        """Write and read for as long as the service lives."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write())
            tasks.create_task(self._follow())

    async def _write(self) -> None:
        while True:
            row = await self._changes.get()
            await waited_out(lambda: self.store.run(lambda connection: _keep(connection, row)))  # noqa: B023 - awaited here

    async def _follow(self) -> None:
        while True:
            for row in await waited_out(lambda: self.store.read(_rows)):
                newer = row.since > self._heard.get(row.organisation, 0.0)
                if newer and row.who != self.who and row.organisation in self._gates:
                    self._adopt(row)
            await asyncio.sleep(_READ_EVERY_S)

    def _changed(self, breaker: Breaker) -> None:
        metrics.gauge("tongche_breaker_state", _NUMBER[breaker.state], organisation=breaker.organisation)
        if self._adopting:
            return
        self._note(breaker.organisation, self.wall())
        wait = breaker.probe_at - breaker.now()
        self._changes.put_nowait(
            {
                "organisation": breaker.organisation,
                "state": breaker.state.value,
                "since": self.since[breaker.organisation],
                "reason": breaker.reason,
                "probe_at": self.wall() + wait if math.isfinite(wait) else None,
                "who": self.who,
            }
        )

    def _adopt(self, row: Row[Any]) -> None:
        gate = self._gates[row.organisation]
        breaker = gate.breaker
        wait = math.inf if row.probe_at is None else row.probe_at - self.wall()
        state = State(row.state)
        if state is State.HALF_OPEN:
            # Somebody probes at this moment; if nothing is heard of it, we do.
            state, wait = State.OPEN, LONGEST_PAUSE_S
        self._adopting = True
        try:
            breaker.adopt(state, row.reason, breaker.now() + wait)
        finally:
            self._adopting = False
        self._note(row.organisation, row.since)
        gate.look()

    def _note(self, organisation: str, since: float) -> None:
        self.since[organisation] = self._heard[organisation] = since


def _rows(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(select(table)))


def _keep(connection: Connection, row: dict[str, Any]) -> None:
    upsert(connection, table, ["organisation"], row)
