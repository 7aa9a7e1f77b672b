"""Carries out repairs of many deliveries, at their own pace, one process each; a crash loses and doubles nothing.

Each act on a delivery, its line in the lineage and its tick in the repair are one transaction. Whoever has the lease
goes on where the last one ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from observability import logs
from services.runtime import ledger, parking
from services.runtime.clock import Clock
from services.runtime.store import Store, waited_out

from . import plans, shown
from .counter import organisation_of
from .decisions import CannotDecide, Deciding, Decisions
from .plans import ActName, Item, Repair

_LOOK_S: Final = 1.0
_BREATH_S: Final = 0.1
"""At a high rate so much of it goes in one transaction."""
LEASE_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction did: how many deliveries it took, whose, and at what pace to go on."""

    taken: int
    consumers: Collection[str]
    per_second: float


@dataclass(slots=True)
class Runner:
    """Runs the repairs that nobody else runs. `who` names this process; `acted` hears whose deliveries were changed."""

    store: Store
    clock: Clock
    who: str
    decisions: Mapping[str, Decisions]
    acted: Callable[[Collection[str]], None] = lambda _: None
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def look(self) -> None:
        """Have a look at once: somebody started a repair."""
        self._wake.set()

    async def run(self) -> None:
        """Run what is to be run, for as long as the service lives."""
        async with asyncio.TaskGroup() as repairs:
            while True:
                self._wake.clear()
                for id_ in await self._claimed():
                    task = repairs.create_task(self.carry_out(id_))
                    self._running[id_] = task
                    task.add_done_callback(partial(self._ended, id_))
                await self._next_look()

    async def carry_out(self, id_: str) -> None:
        """Act on its deliveries, one after another, until there are none or somebody stops it."""
        while True:
            step = await waited_out(lambda: self.store.run(partial(self._step, id_=id_)))
            if step is None:
                return
            self.acted(step.consumers)
            # Counted from here: what was slow is not made up for, an organisation that has just come back is spared.
            await asyncio.sleep(step.taken / step.per_second)

    async def _claimed(self) -> list[str]:
        now = self._now()
        free = await waited_out(lambda: self.store.read(partial(plans.unattended, runner=self.who, now=now)))
        found = [id_ for id_ in free if id_ not in self._running]
        return [id_ for id_ in found if await waited_out(lambda: self.store.run(self._claim(id_)))]  # noqa: B023 - awaited here

    def _claim(self, id_: str) -> Callable[[Connection], bool]:
        now = self._now()
        return partial(plans.claim, id_=id_, runner=self.who, now=now, until=now + LEASE_S)

    async def _next_look(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._wake.wait()
        except TimeoutError:
            return

    def _ended(self, id_: str, _: asyncio.Task[None]) -> None:
        self._running.pop(id_, None)

    # -- within a transaction

    def _step(self, connection: Connection, id_: str) -> Step | None:
        """Act on the next few; None where it is over, was stopped, or is somebody else's now."""
        repair = plans.find(connection, id_, lock=True)
        if repair.runner != self.who:
            return None
        most = max(1, int(repair.per_second * _BREATH_S))
        waiting = plans.items_of(connection, id_, 0, most, "waiting")
        if not waiting:
            plans.finish(connection, id_, self._now())
            logs.get().info("repair_done", repair=id_)
            return None
        plans.extend(connection, id_, self._now() + LEASE_S + len(waiting) / repair.per_second)
        for item in waiting:
            plans.tick_off(connection, id_, item, self._outcome(connection, repair, item), self._now())
        return Step(len(waiting), {item.consumer for item in waiting}, repair.per_second)

    def _outcome(self, connection: Connection, repair: Repair, item: Item) -> str | None:
        """Act on one delivery; the reason where it was left alone."""
        decisions = self.decisions.get(item.consumer)
        if decisions is None:
            return "no-organisation"
        if plans.is_anothers(connection, repair, item.delivery):
            return "in-another-repair"
        row = parking.find(connection, item.consumer, item.delivery, lock=True)
        if row is None:
            return _end_of(connection, item)
        if row.decided != item.decided:
            return "changed"
        return self._acted(connection, repair, item, _deciding(decisions, repair.act))

    def _acted(self, connection: Connection, repair: Repair, item: Item, act: Deciding) -> str | None:
        try:
            with connection.begin_nested():
                act(connection, item.delivery, repair.because)
        except CannotDecide as cannot:
            return cannot.why
        except DBAPIError:
            raise
        except Exception as unplanned:  # noqa: BLE001 - a mistake about one delivery must not end the repair of all
            where = logs.place_of(unplanned)
            logs.get().error("unplanned", where=where, repair=repair.id, organisation=organisation_of(item.consumer))
            return "unplanned"
        return None

    def _now(self) -> float:
        return self.clock.now().timestamp()


def _deciding(decisions: Decisions, act: ActName) -> Deciding:
    return decisions.retrying if act == "retry" else decisions.cancelling


def _end_of(connection: Connection, item: Item) -> str:
    """What became of a delivery that waits no more: settled, refused or cancelled."""
    outputs = ledger.decided(connection, item.consumer, [item.delivery]).get(item.delivery, [])
    fate = shown.ended(outputs)
    return fate.data.state if fate else "gone"
