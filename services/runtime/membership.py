"""Coming and going: which partitions of a group are ours, from when, and how they are let go.

Taking away means: start nothing more, finish what is running, commit, let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from observability import logs, metrics

from .commits import Commits
from .consumer import Consumer
from .record import Place
from .window import Tenure
from .work import Lane, Stuck, Work

_UNTOLD_S: Final = 10.0
_ASK_AGAIN_S: Final = 5.0


@dataclass(slots=True)
class Membership:
    """The `Member` that stands for one consumer's lanes, and its tenures."""

    lane: Lane
    work: Work
    consumer: Consumer
    commits: Commits
    tenures: dict[Place, Tenure] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    """Why a rebalance failed. Client libraries log that and go on; the reader ends the process."""
    _leftovers: dict[Place, Tenure] = field(default_factory=dict)
    """Tenures that ended while something of them was still being worked on."""
    _refused: set[Place] = field(default_factory=set)
    _asked_at: float = 0.0

    # -- what Kafka says

    async def assigned(self, places: Collection[Place]) -> None:
        """Get ready for partitions; records of others are given back."""
        await self._kept(self._take(places))

    async def revoked(self, places: Collection[Place]) -> None:
        """Finish what runs, commit, and let partitions go."""
        self.ready.clear()
        await self._kept(self._give(places))

    async def _kept(self, act: Awaitable[None]) -> None:
        try:
            await act
        except Exception as failure:  # noqa: BLE001 - raised again by the reader
            self.failure = failure

    async def _take(self, places: Collection[Place]) -> None:
        mine = await self._mine_of(places)
        self._begin(mine)
        self._refused, self._asked_at = set(places) - set(mine), _now()
        # Or we would fetch what is not ours and give it back, as fast as the broker can send it.
        self.consumer.pause(self._refused)
        self.ready.set()
        metrics.count("tongche_rebalances_total", group=self.lane.group)
        logs.get().info("assigned", group=self.lane.group, partitions=len(mine))

    async def _give(self, places: Collection[Place]) -> None:
        going = {place: self.tenures[place] for place in places if place in self.tenures}
        await self._let_go(going)
        for place in going:
            self._leftovers[place] = self.tenures.pop(place)
        self._refused.difference_update(places)
        await self.work.revoked(list(going))

    async def _mine_of(self, places: Collection[Place]) -> Collection[Place]:
        """Ask the work for partitions; not for those of which something from before is still under way.

        What runs on after a late drain is held off by a fence that knows us no more. Were we to take the partition
        anew, it would let that through, after whatever others did with the same record meanwhile.
        """
        self._leftovers = {place: tenure for place, tenure in self._leftovers.items() if tenure.running}
        return await self.work.assigned(
            [place for place in places if place not in self._leftovers], self.consumer.generation
        )

    def _begin(self, places: Iterable[Place]) -> None:
        self.tenures.update({place: Tenure() for place in places})

    # -- what we find ourselves

    async def ask_again(self) -> None:
        """Ask for the partitions that were refused: Kafka still says that they are ours."""
        drained = any(place in self._refused and not tenure.running for place, tenure in self._leftovers.items())
        if not drained and (not self._refused or _now() - self._asked_at < _ASK_AGAIN_S):
            return
        self._asked_at = _now()
        mine = set(await self._mine_of(self._refused)) & self._refused
        self._refused -= mine
        self._begin(mine)
        self.consumer.resume(mine)

    def not_left_behind(self) -> None:
        """Raise `Stuck` where we are fenced and were never told that the partition went: we lost touch."""
        late = _now() - self.lane.drain_s - _UNTOLD_S
        if any(tenure.fenced_at is not None and tenure.fenced_at < late for tenure in self.tenures.values()):
            message = f"{self.lane.group} was fenced and its partitions were never taken away"
            raise Stuck(message)

    def fenced(self, tenure: Tenure) -> None:
        """Hear from the work that a partition is somebody else's: nothing more of it is started."""
        tenure.live = False
        tenure.fenced_at = tenure.fenced_at or _now()
        metrics.count("tongche_fenced_total")

    # -- going

    async def leave(self) -> None:
        """Start nothing more, finish what runs within the drain time, commit it, and have the work finish its own."""
        going = dict(self.tenures)
        await self._let_go(going)
        await self.work.revoked(list(going))

    def abandon(self) -> None:
        """Start nothing more, and wait for nothing."""
        self.ready.clear()
        for tenure in self.tenures.values():
            tenure.live = False

    async def _let_go(self, going: Mapping[Place, Tenure]) -> None:
        if not going:
            return
        for tenure in going.values():
            tenure.live = False
        self.work.leaving(going.keys())
        await self._drained(going.values())
        await self.commits.commit(going)

    async def _drained(self, going: Iterable[Tenure]) -> None:
        try:
            async with asyncio.timeout(self.lane.drain_s):
                for tenure in going:
                    await tenure.drained()
        except TimeoutError:
            # What still runs is fenced in the store; its effect is known by its key when it comes again.
            logs.get().warning("drain_late", group=self.lane.group)


def _now() -> float:
    return asyncio.get_running_loop().time()
