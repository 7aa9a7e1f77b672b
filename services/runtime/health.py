"""What a service lacks to do its work, by name, as it stands at this moment; and what no waiting will mend.

A process that answers is alive. It is ready only if its store writes, its consumers have their places and move, what
it says reaches Kafka, and its loop turns in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from observability import logs, metrics

from .broker import serves
from .lanes import Lanes
from .outbox import Relay
from .producer import Producer
from .store import Store
from .watchdog import Watchdog

LOOK_EVERY_S: Final = 0.5
_BROKER_EVERY_S: Final = 5.0
_STILL_S: Final = 20.0
"""So long may work wait without a step forward before it is named."""
_LAG_S: Final = 5.0


class Wedged(RuntimeError):
    """What waits for Kafka has not moved for long although the broker is there: only a new process helps."""


@dataclass(slots=True)
class Vital:
    """Something that must move as long as there is work for it. `step` changes with each piece of work done."""

    name: str
    step: Callable[[], int]
    excused: Callable[[], bool]
    limit_s: float = _STILL_S
    still: bool = False
    _watchdog: Watchdog = field(init=False)

    def __post_init__(self) -> None:
        self._watchdog = Watchdog(self.limit_s)

    def look(self, now: float) -> None:
        """See whether it has moved."""
        self.still = self._watchdog.stands_still(now, self.step(), excused=self.excused())

    def again(self) -> None:
        """Count anew from now on."""
        self._watchdog.again()
        self.still = False


@dataclass(slots=True)
class Health:
    """Looks twice a second, and asks the broker now and then."""

    store: Store
    producer: Producer
    wedged: Vital
    """The producer, after much longer than it takes to be named: it ends the process, if the broker is there."""
    silent: Vital
    """The store, likewise: a connection that never answers is got rid of only with the process."""
    vitals: list[Vital] = field(default_factory=list)
    lanes: list[Lanes] = field(default_factory=list)
    reachable: Callable[[str], bool] = serves
    broker: bool = True
    """Whether a broker answered when it was last asked."""
    lag_s: float = 0.0

    @classmethod
    def of(cls, store: Store, producer: Producer, relay: Relay, wedged_s: float) -> Self:
        """The health of a service that is made of these, and of lanes that come before it runs."""
        wedged, silent = producing(producer, "wedged producer", wedged_s), storing(store, wedged_s)
        named = [producing(producer, "producer", _STILL_S), relaying(relay), storing(store)]
        return cls(store, producer, wedged, silent, named)

    def missing(self) -> list[str]:
        """By name, what is missing now."""
        found = [f"consumer {lanes.lane.group}" for lanes in self.lanes if not lanes.ready.is_set()]
        found += [vital.name for vital in self.vitals if vital.still]
        named = (("store", not self.store.available), ("broker", not self.broker), ("loop", self.lag_s > _LAG_S))
        return [*found, *(name for name, absent in named if absent)]

    async def run(self) -> None:
        """Look for as long as the service lives. Raises `Wedged`."""
        self.vitals += [consuming(lanes) for lanes in self.lanes]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            tasks.create_task(self._ask_broker())

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            self.lag_s = max(0.0, loop.time() - due)
            metrics.observe("tongche_loop_lag_seconds", self.lag_s)
            for vital in (*self.vitals, self.wedged, self.silent):
                vital.look(loop.time())
            if not self.broker:
                self.wedged.again()  # what counts is the time with a broker that could have answered
            await self._not_wedged()

    async def _not_wedged(self) -> None:
        """Raise where nothing is acknowledged although the broker, asked this moment, is there; or the store silent."""
        if self.silent.still:
            message = f"the store has answered nothing for {self.silent.limit_s:.0f} s"
            raise Wedged(message)
        if not self.wedged.still or not await asyncio.to_thread(self.reachable, self.producer.bootstrap):
            return
        message = f"nothing was acknowledged for {self.wedged.limit_s:.0f} s by a broker that answers"
        raise Wedged(message)

    async def _ask_broker(self) -> None:
        while True:
            before, self.broker = self.broker, await asyncio.to_thread(self.reachable, self.producer.bootstrap)
            if before != self.broker:
                logs.get().info("broker", there=self.broker)
            await asyncio.sleep(_BROKER_EVERY_S)


def producing(producer: Producer, name: str, limit_s: float) -> Vital:
    """Its oldest message must be another one each time."""
    return Vital(name, lambda: producer.oldest or 0, lambda: producer.oldest is None, limit_s)


def storing(store: Store, limit_s: float = _STILL_S) -> Vital:
    """Acts that are asked for must be done or refused: a link to a database may be silent for ever."""
    return Vital("store's progress", lambda: store.done, lambda: store.done == store.asked, limit_s)


def relaying(relay: Relay) -> Vital:
    """What is stored must get out."""
    return Vital("outbox", lambda: relay.sent, lambda: relay.idle)


def consuming(lanes: Lanes) -> Vital:
    """Records that are held must be finished, unless the work itself knows why not."""
    return Vital(
        f"progress of {lanes.lane.group}",
        lambda: lanes.finished,
        lambda: not lanes.in_memory or lanes.work.waits(),
        # Half of what ends the process; a slow agency with its tries in place takes less.
        lanes.lane.still_s / 2,
    )
