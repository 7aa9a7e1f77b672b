"""Lanes: every key's messages one after another, many keys at once, and a commit that never runs ahead.

Fetch → one lane a key → so many lanes at work at once → the contiguous watermark of each partition is committed
every quarter of a second and when a partition is taken away. Taking away means: start nothing more, finish what
is running, commit, let go.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, OffsetAndMetadata, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError

from observability import logs, metrics

from .fetching import REASON, around
from .offsets import Watermark
from .poison import note
from .record import Place, Record, text_of
from .watchdog import Watchdog

COMMIT_EVERY_S: Final = 0.25
_COMMIT_S: Final = 5.0
_COMMIT_TIMEOUTS_IN_A_ROW: Final = 3
_POLL_MS: Final = 100
_NEVER_MS: Final = 24 * 3600 * 1000
_AT_ONCE: Final = 500
_STOP_S: Final = 5.0
_UNTOLD_S: Final = 10.0
_ASK_AGAIN_S: Final = 5.0


class Stuck(RuntimeError):
    """This process cannot go on and must be restarted: the consumer has lost its coordinator, or its place."""


class Gone(Exception):
    """The partition of this record belongs to somebody else now; its new owner will see the record again."""


class Work(Protocol):
    """What is done with the records of one consumer."""

    async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        """Get ready for partitions; gives back those that may be worked on."""

    async def recall(self, records: Sequence[Record]) -> Mapping[str, Any]:
        """What was already decided about a batch, by record id: one look-up for all."""

    async def handle(self, record: Record, known: Any | None) -> None:
        """Do the work; on return the record needs nothing more. May raise `Gone`; anything else ends the process."""

    def leaving(self, partitions: Collection[Place]) -> None:
        """Hear that partitions are about to go: whatever merely waits for something should give up with `Gone`."""

    async def revoked(self, partitions: Collection[Place]) -> None:
        """Forget partitions; nothing of theirs is running any more."""

    def waits(self) -> bool:
        """Whether work may stand still now for a reason that a new process would find as well."""


@dataclass(frozen=True, slots=True)
class Lane:
    """How one consumer reads: its group, its place in it, and how much it holds in memory at once."""

    group: str
    topics: tuple[str, ...]
    bootstrap: str
    slot: str = "0"
    """Static membership: a process that is restarted takes its own place again within a second."""
    at_once: int = 256
    records: int = 2_000
    held_bytes: int = 16 * 1024 * 1024
    session_s: float = 30.0
    drain_s: float = 20.0
    still_s: float = 60.0
    """So long may work stand still for no reason that we know of."""


@dataclass(slots=True)
class _Partition:
    watermark: Watermark = field(default_factory=Watermark)
    live: bool = True
    running: int = 0
    sent: int | None = None
    next: int | None = None
    """The offset after the last record that was taken; None before the first."""
    fenced_at: float | None = None


@dataclass(slots=True)
class _Entry:
    partition: _Partition
    record: Record
    known: Any | None


@dataclass(slots=True)
class Lanes:
    """One consumer and its lanes. `run` works until it is cancelled or the process must be restarted."""

    lane: Lane
    work: Work
    unreadable: Callable[[Record, str], Awaitable[None]] = note
    """Told of a record that the client library cannot read, without its content, and why."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    _partitions: dict[Place, _Partition] = field(default_factory=dict)
    _lanes: dict[str, deque[_Entry]] = field(default_factory=dict)
    _runnable: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _finished: int = 0
    _records: int = 0
    _bytes: int = 0
    _paused: bool = False
    _settled: asyncio.Event = field(default_factory=asyncio.Event)
    _late_commits: int = 0
    _consumer: AIOKafkaConsumer | None = None
    _failure: BaseException | None = None
    _refused: set[Place] = field(default_factory=set)
    _asked_at: float = 0.0
    _lagged_at: int | None = None
    _watchdog: Watchdog = field(init=False)

    def __post_init__(self) -> None:
        self._watchdog = Watchdog(self.lane.still_s)

    async def run(self) -> None:
        """Read and work. Raises `Stuck` where only a new process helps, or what `work.handle` raised."""
        try:
            await self._connect()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(self.lane.at_once):
                    tasks.create_task(self._worker())
                tasks.create_task(self._committer())
                tasks.create_task(self._reader(self._connected))
        finally:
            if self._consumer is not None:
                await self._close(self._consumer)

    @property
    def in_memory(self) -> int:
        """Records fetched and not finished."""
        return self._records

    async def backlog(self) -> int:
        """Records on Kafka that are not finished: those in memory, and those not yet fetched."""
        if not self._partitions:
            return 0
        ends = await self._connected.end_offsets(list(map(_kafka, self._partitions)))
        return sum([max(0, end - await self._done_below(self._connected, place)) for place, end in ends.items()])

    async def _done_below(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> int:
        partition = self._partitions.get(Place(*place))
        if partition is not None and partition.watermark.committable is not None:
            return partition.watermark.committable
        return (await consumer.committed(place)) or 0

    # -- reading

    async def _reader(self, consumer: AIOKafkaConsumer) -> None:
        while self._failure is None:
            self._breathe(consumer)
            self._not_left_behind()
            await self._not_at_a_standstill()
            await self._ask_again(consumer)
            room = max(1, min(_AT_ONCE, self.lane.records - self._records))
            for partition, records in self._placed(consumer, await self._fetched(consumer, room)):
                await self._take(partition, records)
        raise self._failure

    async def _fetched(
        self, consumer: AIOKafkaConsumer, most: int
    ) -> Mapping[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        try:
            found: Mapping[TopicPartition, list[ConsumerRecord[bytes, bytes]]]
            found = await consumer.getmany(timeout_ms=_POLL_MS, max_records=most)
        except KafkaError as error:
            logs.get().warning("fetch_failed", group=self.lane.group, error=type(error).__name__)
            await asyncio.sleep(COMMIT_EVERY_S)
            return {}
        except UnicodeDecodeError:
            return await self._around(consumer, most)
        return found

    async def _around(
        self, consumer: AIOKafkaConsumer, most: int
    ) -> Mapping[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        """Fetch each partition by itself, from where we know we are: the failed fetch dropped what it had gathered."""
        found = {}
        for place, partition in list(self._partitions.items()):
            kafka = _kafka(place)
            start = partition.next
            if start is None:
                start = await consumer.committed(kafka) or (await consumer.beginning_offsets([kafka]))[kafka]
            records, unreadable = await around(consumer, kafka, start, most)
            if unreadable is not None:
                await self.unreadable(Record(*place, unreadable, "", (), None), REASON)
                partition.next = unreadable + 1
            if records:
                found[kafka] = records
        return found

    def _breathe(self, consumer: AIOKafkaConsumer) -> None:
        """Stop fetching when the window is full, start again when it is half empty; polling goes on."""
        full = self._records >= self.lane.records or self._bytes >= self.lane.held_bytes
        room = self._records <= self.lane.records // 2 and self._bytes <= self.lane.held_bytes // 2
        held = [place for place in consumer.assignment() if Place(*place) in self._partitions]
        if full and not self._paused:
            consumer.pause(*held)
            self._paused = True
        elif room and self._paused:
            consumer.resume(*held)
            self._paused = False

    def _placed(
        self, consumer: AIOKafkaConsumer, fetched: Mapping[TopicPartition, list[ConsumerRecord[bytes, bytes]]]
    ) -> list[tuple[_Partition, list[Record]]]:
        """Tie records to the tenure under which they were fetched, before anything else can happen.

        If the partition goes and comes back while a batch is looked up, its records come again from the commit;
        these here must not be mixed with those.
        """
        placed = []
        for place, found in fetched.items():
            partition = self._partitions.get(Place(*place))
            if partition is None:
                # Fetched before we were ready for the partition: go back, or these would never be seen again.
                _seek(consumer, place, found[0].offset)
            else:
                placed.append((partition, list(map(_record, found))))
        return placed

    async def _take(self, partition: _Partition, records: list[Record]) -> None:
        known = await self.work.recall(records)
        if not partition.live:
            return
        for record in records:
            partition.watermark.fetched(record.offset)
            partition.next = record.offset + 1
            self._enqueue(_Entry(partition, record, known.get(record.id)))

    def _enqueue(self, entry: _Entry) -> None:
        self._records += 1
        self._bytes += entry.record.size
        # Without a key there is no order to keep: a lane of its own.
        key = entry.record.key or entry.record.id
        lane = self._lanes.setdefault(key, deque())
        lane.append(entry)
        if len(lane) == 1:
            self._runnable.put_nowait(key)

    def _not_left_behind(self) -> None:
        """Fenced, and yet never told that the partition went: this consumer has lost touch with its group."""
        late = time.monotonic() - self.lane.drain_s - _UNTOLD_S
        if any(
            partition.fenced_at is not None and partition.fenced_at < late for partition in self._partitions.values()
        ):
            message = f"{self.lane.group} was fenced and its partitions were never taken away"
            raise Stuck(message)

    async def _not_at_a_standstill(self) -> None:
        """Records wait, here or on Kafka, and nothing is finished: the consumer has stuck, and only that helps."""
        if not self._watchdog.stands_still(self._finished, excused=self.work.waits()):
            return
        self._watchdog.again()
        if not self._records and not await self._lags_again():
            return
        message = f"{self.lane.group}: nothing was finished for {self.lane.still_s:.0f} s, {self._records} records held"
        raise Stuck(message)

    async def _lags_again(self) -> bool:
        """Whether Kafka holds records for us now as it did when we last looked, and none was finished in between."""
        try:
            async with asyncio.timeout(_COMMIT_S):
                lag = await self.backlog()
        except (TimeoutError, KafkaError):
            lag = 0  # the broker is away, and so is everybody's work
        before, self._lagged_at = self._lagged_at, self._finished if lag else None
        return before is not None and before == self._lagged_at

    async def _ask_again(self, consumer: AIOKafkaConsumer) -> None:
        """Ask for the partitions that were refused: Kafka still says that they are ours."""
        if not self._refused or time.monotonic() - self._asked_at < _ASK_AGAIN_S:
            return
        self._asked_at = time.monotonic()
        mine = set(await self.work.assigned(self._refused, _generation(consumer))) & self._refused
        self._refused -= mine
        self._partitions.update({place: _Partition() for place in mine})
        consumer.resume(*map(_kafka, mine))
        self._paused = False

    # -- working

    async def _worker(self) -> None:
        while True:
            key = await self._runnable.get()
            lane = self._lanes[key]
            entry = lane[0]
            if entry.partition.live:
                await self._one(entry)
            lane.popleft()
            self._records -= 1
            self._bytes -= entry.record.size
            if lane:
                self._runnable.put_nowait(key)
            else:
                del self._lanes[key]

    async def _one(self, entry: _Entry) -> None:
        partition = entry.partition
        partition.running += 1
        try:
            await self.work.handle(entry.record, entry.known)
        except Gone:
            partition.live = False
            partition.fenced_at = partition.fenced_at or time.monotonic()
            metrics.count("tongche_fenced_total")
        else:
            partition.watermark.finished(entry.record.offset)
            self._finished += 1
        finally:
            partition.running -= 1
            if not partition.running:
                self._settled.set()

    # -- committing

    async def _committer(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_EVERY_S)
            await self._commit(self._partitions)

    async def _commit(self, partitions: Mapping[Place, _Partition]) -> None:
        consumer = self._connected
        held = consumer.assignment()
        due = {
            place: partition.watermark.committable
            for place, partition in partitions.items()
            if place in held and partition.watermark.committable not in (None, partition.sent)
        }
        if not due:
            return
        try:
            async with asyncio.timeout(_COMMIT_S):
                await consumer.commit({_kafka(place): OffsetAndMetadata(offset, "") for place, offset in due.items()})
        except TimeoutError as late:
            self._late_commits += 1
            if self._late_commits >= _COMMIT_TIMEOUTS_IN_A_ROW:
                message = f"{self.lane.group}: {self._late_commits} commits in a row timed out"
                raise Stuck(message) from late
        except (KafkaError, IllegalStateError) as error:
            # Near a rebalance a commit may fail; what it covered comes again and the ledger knows it.
            metrics.count("tongche_commit_failures_total")
            logs.get().info("commit_failed", group=self.lane.group, error=type(error).__name__)
        else:
            self._late_commits = 0
            for place, offset in due.items():
                partitions[place].sent = offset

    # -- coming and going

    @property
    def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            message = f"{self.lane.group} is not running"
            raise Stuck(message)
        return self._consumer

    async def _connect(self) -> None:
        while True:
            # Set before it starts: the first partitions come while it does.
            self._consumer = _consumer(self.lane)
            self._consumer.subscribe(list(self.lane.topics), listener=_Listener(self))
            try:
                await self._consumer.start()
            except KafkaError as error:
                logs.get().info("broker_away", group=self.lane.group, error=type(error).__name__)
                await self._consumer.stop()
                await asyncio.sleep(COMMIT_EVERY_S)
            else:
                return

    async def rebalanced(self, act: Callable[[], Awaitable[None]]) -> None:
        """Run a listener's part. aiokafka would log its failure and go on; ours ends the process."""
        try:
            await act()
        except Exception as failure:  # noqa: BLE001 - raised again by the reader
            self._failure = failure

    async def on_assigned(self, places: Collection[TopicPartition]) -> None:
        """Get ready for partitions; records of others are given back."""
        asked = [Place(*place) for place in places]
        mine = await self.work.assigned(asked, _generation(self._connected))
        self._partitions.update({place: _Partition() for place in mine})
        self._refused, self._asked_at = set(asked) - set(mine), time.monotonic()
        # Or we would fetch what is not ours and give it back, as fast as the broker can send it.
        self._connected.pause(*map(_kafka, self._refused))
        self._paused = False
        self.ready.set()
        metrics.count("tongche_rebalances_total", group=self.lane.group)
        logs.get().info("assigned", group=self.lane.group, partitions=len(mine))

    async def on_revoked(self, places: Collection[TopicPartition]) -> None:
        """Finish what runs, commit, and let partitions go."""
        leaving = [Place(*place) for place in places]
        going = {place: self._partitions[place] for place in leaving if place in self._partitions}
        await self._let_go(going)
        for place in going:
            del self._partitions[place]
        self._refused -= set(leaving)
        await self.work.revoked(list(going))

    async def _drain(self, partitions: Sequence[_Partition]) -> None:
        try:
            async with asyncio.timeout(self.lane.drain_s):
                while any(partition.running for partition in partitions):
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            # What still runs is fenced in the store; its effect is known by its key when it comes again.
            logs.get().warning("drain_late", group=self.lane.group)

    async def _close(self, consumer: AIOKafkaConsumer) -> None:
        for partition in self._partitions.values():
            partition.live = False
        # Each by itself: a commit that fails must not leave the connections open.
        for last in (self._commit(self._partitions), consumer.stop()):
            try:
                async with asyncio.timeout(_STOP_S):
                    await last
            except (TimeoutError, KafkaError, Stuck) as error:
                logs.get().warning("consumer_stop", group=self.lane.group, error=type(error).__name__)

    async def stop(self) -> None:
        """Start nothing more, finish what runs within the drain time, and commit it."""
        await self._let_go(dict(self._partitions))

    async def _let_go(self, going: Mapping[Place, _Partition]) -> None:
        if not going:
            return
        for partition in going.values():
            partition.live = False
        self.work.leaving(going.keys())
        await self._drain(list(going.values()))
        await self._commit(going)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._lanes.rebalanced(lambda: self._lanes.on_revoked(revoked))

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._lanes.rebalanced(lambda: self._lanes.on_assigned(assigned))


def _consumer(lane: Lane) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=lane.bootstrap,
        client_id=lane.group,
        group_id=lane.group,
        group_instance_id=f"{lane.group}-{lane.slot}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=int(lane.session_s * 1000),
        heartbeat_interval_ms=int(lane.session_s * 100),
        rebalance_timeout_ms=int(lane.drain_s * 2000),
        # Polling never stops; a full window must not look like a dead process.
        max_poll_interval_ms=_NEVER_MS,
        request_timeout_ms=10_000,
        retry_backoff_ms=100,
        metadata_max_age_ms=10_000,
    )


def _kafka(place: Place) -> TopicPartition:
    return TopicPartition(*place)


def _generation(consumer: AIOKafkaConsumer) -> int:
    # aiokafka tells the group's generation nowhere in public; a test pins this.
    return int(getattr(consumer._coordinator, "generation", -1))  # noqa: SLF001


def _seek(consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> None:
    try:
        consumer.seek(place, offset)
    except IllegalStateError:
        # The partition has just gone to somebody else, who starts from the committed offset.
        metrics.count("tongche_fenced_total")


def _record(raw: ConsumerRecord[bytes, bytes]) -> Record:
    return Record(raw.topic, raw.partition, raw.offset, text_of(raw.key), tuple(raw.headers), raw.value)
