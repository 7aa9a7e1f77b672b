"""Lanes: every key's messages one after another, many keys at once, and a commit that never runs ahead.

Fetch → one lane a key → so many lanes at work at once → the contiguous watermark of each partition is committed
every quarter of a second and when a partition is taken away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from observability import logs, metrics

from .commits import COMMIT_S, Commits
from .consumer import Connect, Consumer, KafkaConsumer, KafkaTrouble, Unreadable
from .membership import Membership
from .poison import note
from .record import Place, Record
from .watchdog import Watchdog
from .window import Entry, Tenure, Window
from .work import Gone, Lane, Stuck, Work

__all__ = ["COMMIT_EVERY_S", "Gone", "Lane", "Lanes", "Stuck", "Work"]

COMMIT_EVERY_S: Final = 0.25
_AT_ONCE: Final = 500
_STOP_S: Final = 5.0
_BRIM_S: Final = 1.0
_LOOK_S: Final = 0.1


@dataclass(slots=True)
class Lanes:
    """One consumer and its lanes. `run` works until it is cancelled or the process must be restarted."""

    lane: Lane
    work: Work
    unreadable: Unreadable = note
    connect: Connect = KafkaConsumer
    _consumer: Consumer = field(init=False)
    _commits: Commits = field(init=False)
    _membership: Membership = field(init=False)
    _window: Window = field(init=False)
    _watchdog: Watchdog = field(init=False)
    _workers: int = 0
    _batches: int = 0
    _finished: int = 0
    _lagged_at: int | None = None

    def __post_init__(self) -> None:
        self._consumer = self.connect(self.lane, self.unreadable)
        self._commits = Commits(self.lane.group, self._consumer)
        self._membership = Membership(self.lane, self.work, self._consumer, self._commits)
        self._window = Window(self.lane.records, self.lane.held_bytes)
        self._watchdog = Watchdog(self.lane.still_s)

    async def run(self) -> None:
        """Read and work. Raises `Stuck` where only a new process helps, or what `work.handle` raised."""
        try:
            await self._join()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._committer())
                tasks.create_task(self._reader(tasks))
        finally:
            await self._close()

    async def stop(self) -> None:
        """Start nothing more, finish what runs within the drain time, and commit it."""
        await self._membership.leave()

    @property
    def ready(self) -> asyncio.Event:
        """Set while the group has given this consumer its place: partitions, or word that there are none for it."""
        return self._membership.ready

    @property
    def finished(self) -> int:
        """Records finished since the start."""
        return self._finished

    @property
    def in_memory(self) -> int:
        """Records fetched and not finished."""
        return self._window.records

    @property
    def reached(self) -> dict[Place, int]:
        """Of each partition that is ours and of which something is finished: up to where all of it is."""
        marks = {place: tenure.watermark.committable for place, tenure in self._tenures.items()}
        return {place: mark for place, mark in marks.items() if mark is not None}

    def waiting(self) -> list[Record]:
        """Records fetched and not finished that are ours, oldest first; what is not fetched stands behind them."""
        return self._window.waiting()

    async def backlog(self) -> int:
        """Records on Kafka that are not finished: those in memory, and those not yet fetched."""
        if not self._tenures:
            return 0
        ends = await self._consumer.ends(list(self._tenures))
        done = {place: await self._done_below(place) + self._done_above(place) for place in ends}
        return sum(max(0, end - done[place]) for place, end in ends.items())

    async def _done_below(self, place: Place) -> int:
        tenure = self._tenures.get(place)
        if tenure is not None and tenure.watermark.committable is not None:
            return tenure.watermark.committable
        return await self._consumer.committed(place)

    def _done_above(self, place: Place) -> int:
        """How many are finished above one that is not."""
        tenure = self._tenures.get(place)
        return tenure.watermark.ahead if tenure is not None else 0

    @property
    def _tenures(self) -> Mapping[Place, Tenure]:
        return self._membership.tenures

    async def _join(self) -> None:
        while True:
            try:
                await self._consumer.start(self._membership)
            except KafkaTrouble as error:
                logs.get().info("broker_away", group=self.lane.group, error=str(error))
                await asyncio.sleep(COMMIT_EVERY_S)
            else:
                return

    async def _close(self) -> None:
        self._membership.abandon()
        # Each by itself: a commit that fails must not leave the connections open.
        for last in (partial(self._commits.commit, self._tenures), self._consumer.stop):
            await self._at_last(last)

    async def _at_last(self, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do it within a bound. aiokafka may swallow a cancellation and wait on: then it is left behind."""
        going = asyncio.create_task(act())
        try:
            await asyncio.wait({going}, timeout=_STOP_S)
        finally:
            going.cancel()
        if going.cancelled():
            # aiokafka lets the cancelling of its own tasks out. In us it would look as if we had been asked to end.
            logs.get().warning("consumer_stop", group=self.lane.group, error="CancelledError")
            return
        failed = TimeoutError() if not going.done() else going.exception()
        if isinstance(failed, TimeoutError | KafkaTrouble | Stuck):
            logs.get().warning("consumer_stop", group=self.lane.group, error=type(failed).__name__)
        elif failed is not None:
            raise failed

    # -- reading

    async def _reader(self, workers: asyncio.TaskGroup) -> None:
        while self._membership.failure is None:
            self._membership.not_left_behind()
            await self._not_at_a_standstill()
            await self._membership.ask_again()
            for tenure, records in self._placed(await self._read_on()):
                await self._take(tenure, records)
                self._start(workers)
        raise self._membership.failure

    async def _read_on(self) -> Mapping[Place, list[Record]]:
        """Fetch, unless the window brims; only when that lasts, partitions are paused, and polling goes on.

        Pausing drops what was fetched ahead, and it must then be fetched again: a window that brims for a moment
        would pay that many times a second. One that brims for hours must not keep it in memory.
        """
        brims_s = self._window.brims(asyncio.get_running_loop().time())
        if brims_s is not None and brims_s < _BRIM_S:
            await self._room()
            return {}
        self._hold_back(everything=brims_s is not None)
        return await self._fetched()

    async def _room(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._window.room()

    async def _fetched(self) -> Mapping[Place, list[Record]]:
        room = max(1, min(_AT_ONCE, self.lane.records - self._window.records))
        try:
            return await self._consumer.fetch(room)
        except KafkaTrouble as error:
            logs.get().warning("fetch_failed", group=self.lane.group, error=str(error))
            await asyncio.sleep(COMMIT_EVERY_S)
            return {}

    def _hold_back(self, *, everything: bool) -> None:
        """Pause what is not to be fetched now, and let the rest flow; what is about to go would only be dropped."""
        held = self._consumer.held()
        for paused, turn in ((True, self._consumer.pause), (False, self._consumer.resume)):
            turned = [
                place
                for place, tenure in self._tenures.items()
                if tenure.paused is not paused and (everything or not tenure.live) is paused and place in held
            ]
            for place in turned:
                self._tenures[place].paused = paused
            turn(turned)

    def _placed(self, fetched: Mapping[Place, list[Record]]) -> list[tuple[Tenure, list[Record]]]:
        """Tie records to the tenure under which they were fetched, before anything else can happen.

        If the partition goes and comes back while a batch is looked up, its records come again from the commit;
        these here must not be mixed with those.
        """
        placed = []
        for place, records in fetched.items():
            tenure = self._tenures.get(place)
            if tenure is None:
                # Fetched before we were ready for the partition: go back, or these would never be seen again.
                self._give_back(place, records[0].offset)
            else:
                placed.append((tenure, records))
        return placed

    def _give_back(self, place: Place, offset: int) -> None:
        try:
            self._consumer.seek(place, offset)
        except KafkaTrouble:
            # The partition has just gone to somebody else, who starts from the committed offset.
            metrics.count("tongche_fenced_total")

    async def _take(self, tenure: Tenure, records: list[Record]) -> None:
        known = await self.work.recall(records)
        if not tenure.live:
            return
        self._batches += 1
        for record in records:
            tenure.watermark.fetched(record.offset)
            self._window.add(Entry(tenure, record, known.get(record.id), self._batches))

    async def _not_at_a_standstill(self) -> None:
        """Records wait, here or on Kafka, and nothing is finished: the consumer has stuck, and only that helps.

        Kafka must say so twice: while it is away nothing can be finished, and a new process would find the same.
        """
        now = asyncio.get_running_loop().time()
        if not self._watchdog.stands_still(now, self._finished, excused=self.work.waits()):
            return
        self._watchdog.again()
        if not await self._lags_again():
            return
        message = (
            f"{self.lane.group}: nothing was finished for {self.lane.still_s:.0f} s, {self.in_memory} records held"
        )
        raise Stuck(message)

    async def _lags_again(self) -> bool:
        """Whether Kafka holds records for us now as it did when we last looked, and none was finished in between."""
        try:
            async with asyncio.timeout(COMMIT_S):
                lag = await self.backlog()
        except (TimeoutError, KafkaTrouble):
            lag = 0  # the broker is away, and so is everybody's work
        before, self._lagged_at = self._lagged_at, self._finished if lag else None
        return before is not None and before == self._lagged_at

    # -- working

    def _start(self, workers: asyncio.TaskGroup) -> None:
        """Bring in as many workers as there is work for; each stays for as long as it finds some."""
        for _ in range(min(self._window.runnable, self.lane.at_once - self._workers)):
            self._workers += 1
            workers.create_task(self._worker())

    async def _worker(self) -> None:
        while (entry := self._window.next()) is not None:
            if entry.tenure.live:
                await self._one(entry)
            self._window.done(entry)
        self._workers -= 1

    async def _one(self, entry: Entry) -> None:
        tenure = entry.tenure
        tenure.running += 1
        try:
            await self.work.handle(entry.record, entry.known)
        except Gone:
            self._membership.fenced(tenure)
        else:
            tenure.watermark.finished(entry.record.offset)
            self._finished += 1
        finally:
            tenure.rest()

    async def _committer(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_EVERY_S)
            await self._commits.commit(self._tenures)
