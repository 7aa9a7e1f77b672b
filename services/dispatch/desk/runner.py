"""Carries out repairs of many deliveries, one process each; a crash loses and doubles nothing.

Each act on a delivery, its line in the lineage and its tick in the repair are one transaction. Whoever has the lease
goes on where the last one ended. No organisation is acted upon faster than a repair says, however many run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from observability import logs
from services.dispatch.consumers import organisation_of
from services.runtime import ledger, parking
from services.runtime.clock import Clock
from services.runtime.looks import Looks
from services.runtime.store import Op, Store, waited_out

from . import paces, plans, shown
from .decisions import CannotDecide, Deciding, Decisions
from .plans import ActName, Item, Repair

T = TypeVar("T")

_LOOK_S: Final = 1.0
_BREATH_S: Final = 0.1
"""At a high rate so much of it goes in one transaction."""
LEASE_S: Final = 15.0


@dataclass(slots=True)
class Runner:
    """Runs the repairs that nobody else runs. `who` names this process; `acted` hears whose deliveries were changed."""

    store: Store
    clock: Clock
    who: str
    decisions: Mapping[str, Decisions]
    acted: Callable[[Collection[str]], None] = lambda _: None
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _looks: Looks = field(default_factory=partial(Looks, _LOOK_S))

    def look(self) -> None:
        """Have a look at once: somebody started a repair."""
        self._looks.at_once()

    async def run(self) -> None:
        """Run what is to be run, for as long as the service lives."""
        async with asyncio.TaskGroup() as repairs:
            while True:
                self._looks.begin()
                for id_ in await self._claimed():
                    task = repairs.create_task(self.carry_out(id_))
                    self._running[id_] = task
                    task.add_done_callback(partial(self._ended, id_))
                await self._looks.until_next()

    async def carry_out(self, id_: str) -> None:
        """Act on its deliveries, each organisation's one after another, until there are none or somebody stops it."""
        consumers = await self._durable(partial(plans.consumers_of, id_=id_))
        async with asyncio.TaskGroup() as organisations:
            for consumer in consumers:
                organisations.create_task(self._at_one(id_, consumer))
        await self._durable(partial(self._finish, id_=id_))

    async def _at_one(self, id_: str, consumer: str) -> None:
        """One organisation's, at the pace of all repairs together."""
        wait_s = await self._durable(partial(self._begin, id_=id_, consumer=consumer))
        while wait_s is not None:
            await asyncio.sleep(wait_s)
            wait_s = await self._durable(partial(self._step, id_=id_, consumer=consumer))
            self.acted({consumer})

    async def _claimed(self) -> list[str]:
        free = await waited_out(lambda: self.store.read(partial(plans.unattended, runner=self.who)))
        found = [id_ for id_ in free if id_ not in self._running]
        return [id_ for id_ in found if await waited_out(lambda: self.store.run(self._claim(id_)))]  # noqa: B023 - awaited here

    def _claim(self, id_: str) -> Callable[[Connection], bool]:
        return partial(plans.claim, id_=id_, runner=self.who, lease_s=LEASE_S)

    def _ended(self, id_: str, _: asyncio.Task[None]) -> None:
        self._running.pop(id_, None)

    # -- within a transaction

    def _begin(self, connection: Connection, id_: str, consumer: str) -> float | None:
        """In how many seconds it is its turn with an organisation's deliveries; None where it is not ours to run."""
        repair = self._ours(connection, id_)
        return None if repair is None else self._next_turn(connection, repair, consumer)

    def _step(self, connection: Connection, id_: str, consumer: str) -> float | None:
        """Act on the next few; in how many seconds it is its turn again.

        None where none is left, or it was stopped, or is somebody else's now.
        """
        repair = self._ours(connection, id_)
        waiting = plans.next_of(connection, id_, consumer, _at_once(repair)) if repair else []
        if repair is None or not waiting:
            return None
        for item in waiting:
            plans.tick_off(connection, id_, item, self._outcome(connection, repair, item), self._now())
        return self._next_turn(connection, repair, consumer)

    def _next_turn(self, connection: Connection, repair: Repair, consumer: str) -> float:
        wait_s = paces.turn(connection, consumer, _at_once(repair) / repair.per_second)
        plans.extend(connection, repair, wait_s + LEASE_S)
        return wait_s

    def _finish(self, connection: Connection, id_: str) -> None:
        if self._ours(connection, id_) is not None and not plans.consumers_of(connection, id_):
            plans.finish(connection, id_, self._now())
            logs.get().info("repair_done", repair=id_)

    def _ours(self, connection: Connection, id_: str) -> Repair | None:
        repair = plans.find(connection, id_, lock=True)
        return repair if repair.runner == self.who else None

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

    async def _durable(self, op: Op[T]) -> T:
        # Alone: it locks rows that other processes lock too, the pace last; among other acts they could wait in a ring.
        return await waited_out(lambda: self.store.run(op, alone=True))

    def _now(self) -> float:
        return self.clock.now().timestamp()


def _at_once(repair: Repair) -> int:
    return max(1, int(repair.per_second * _BREATH_S))


def _deciding(decisions: Decisions, act: ActName) -> Deciding:
    return decisions.retrying if act == "retry" else decisions.cancelling


def _end_of(connection: Connection, item: Item) -> str:
    """What became of a delivery that waits no more: settled, refused or cancelled."""
    outputs = ledger.decided(connection, item.consumer, [item.delivery]).get(item.delivery, [])
    fate = shown.ended(outputs)
    return fate.data.state if fate else "gone"
