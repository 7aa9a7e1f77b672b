"""A member of a consumer group: the operations that lanes need, and the one that makes them from aiokafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import starmap
from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, OffsetAndMetadata, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError

from .broker import REQUEST_S, serves
from .fetching import REASON, around
from .record import Place, Record, text_of
from .work import Lane

_POLL_MS: Final = 100
_NEVER_MS: Final = 24 * 3600 * 1000

Unreadable = Callable[[Record, str], Awaitable[None]]
"""Hears of a record that the client library cannot read, without its content, and why."""


class KafkaTrouble(Exception):
    """The broker is away, or partitions are moving: nothing was done, and later it may be."""


class Member(Protocol):
    """Who hears that partitions come and go; Kafka waits for it."""

    async def assigned(self, places: Collection[Place]) -> None:
        """Have partitions from now on."""

    async def revoked(self, places: Collection[Place]) -> None:
        """Have them no more on return."""


class Consumer(Protocol):
    """A place in a consumer group. What speaks to the broker may raise `KafkaTrouble`."""

    async def start(self, member: Member) -> None:
        """Join. After trouble it may be asked again."""

    async def stop(self) -> None:
        """Hang up, from whatever state."""

    @property
    def generation(self) -> int:
        """How often the group has shared out its partitions, as this member last heard; -1 outside of it."""

    def held(self) -> AbstractSet[Place]:
        """The partitions that Kafka says are ours."""

    async def fetch(self, most: int) -> Mapping[Place, list[Record]]:
        """The next records of those that are not paused; waits a moment for some."""

    def pause(self, places: Collection[Place]) -> None:
        """Fetch no more of partitions that are held."""

    def resume(self, places: Collection[Place]) -> None:
        """Fetch them again."""

    def seek(self, place: Place, offset: int) -> None:
        """Fetch a partition from there on."""

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        """Have whoever comes next begin there."""

    async def committed(self, place: Place) -> int:
        """Where whoever comes next would begin; 0 where nothing was committed."""

    async def ends(self, places: Collection[Place]) -> Mapping[Place, int]:
        """The offset that the next record of each will get."""

    async def there(self) -> bool:
        """Whether a broker answers anybody at all."""


Connect = Callable[[Lane, Unreadable], Consumer]


@dataclass(slots=True)
class KafkaConsumer:
    """The real one."""

    lane: Lane
    unreadable: Unreadable
    _inner: AIOKafkaConsumer | None = None
    _next: dict[Place, int] = field(default_factory=dict)
    """The offset after the last record that was handed out, of each partition since it came."""

    async def start(self, member: Member) -> None:
        """Join as a new client: one that failed to start cannot be started again."""
        await self.stop()
        self._inner = _client(self.lane)
        self._inner.subscribe(list(self.lane.topics), listener=_Listener(member, self._next))
        async with _told():
            await self._inner.start()

    async def stop(self) -> None:
        """Hang up; may wait for the broker."""
        if self._inner is not None:
            async with _told():
                await self._inner.stop()

    @property
    def generation(self) -> int:
        """As the coordinator has it: aiokafka tells it nowhere in public; a test pins this."""
        return int(getattr(self._client._coordinator, "generation", -1))  # noqa: SLF001

    def held(self) -> AbstractSet[Place]:
        """As the last rebalance left it; nothing before the start."""
        return frozenset() if self._inner is None else frozenset(starmap(Place, self._inner.assignment()))

    async def fetch(self, most: int) -> Mapping[Place, list[Record]]:
        """Steps over what aiokafka cannot read, and tells of it."""
        async with _told():
            try:
                raw = await self._client.getmany(timeout_ms=_POLL_MS, max_records=most)
            except UnicodeDecodeError:
                raw = await self._around(most)
        fetched = {Place(*place): list(map(record_of, found)) for place, found in raw.items()}
        for place, records in fetched.items():
            self._next[place] = records[-1].offset + 1
        return fetched

    def pause(self, places: Collection[Place]) -> None:
        """Drops what was fetched ahead of them."""
        self._client.pause(*map(_kafka, places))

    def resume(self, places: Collection[Place]) -> None:
        """A rebalance does it too."""
        self._client.resume(*map(_kafka, places))

    def seek(self, place: Place, offset: int) -> None:
        """Raises `KafkaTrouble` where the partition is not ours any more."""
        self._next[place] = offset
        try:
            self._client.seek(_kafka(place), offset)
        except IllegalStateError as gone:
            raise KafkaTrouble(type(gone).__name__) from gone

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        """Retries without end where no coordinator is found: to be bounded by the caller."""
        async with _told():
            await self._client.commit({_kafka(place): OffsetAndMetadata(at, "") for place, at in offsets.items()})

    async def committed(self, place: Place) -> int:
        """As the group's coordinator has it."""
        async with _told():
            return int((await self._client.committed(_kafka(place))) or 0)

    async def ends(self, places: Collection[Place]) -> Mapping[Place, int]:
        """Asks every partition's leader."""
        async with _told():
            found = await self._client.end_offsets(list(map(_kafka, places)))
        return {Place(*place): end for place, end in found.items()}

    async def there(self) -> bool:
        """Asked apart from the client, which may itself be what is stuck."""
        return await asyncio.to_thread(serves, self.lane.bootstrap)

    @property
    def _client(self) -> AIOKafkaConsumer:
        if self._inner is None:
            message = f"{self.lane.group} was never started"
            raise LookupError(message)
        return self._inner

    async def _around(self, most: int) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
        """Fetch each partition by itself, from where we know we are: the failed fetch dropped what it had gathered."""
        found = {}
        for kafka in self._client.assignment() - self._client.paused():
            place = Place(*kafka)
            records, unreadable = await around(self._client, kafka, await self._start_of(place), most)
            if unreadable is not None:
                await self.unreadable(Record(*place, unreadable, "", (), None), REASON)
                self._next[place] = unreadable + 1
            if records:
                found[kafka] = records
        return found

    async def _start_of(self, place: Place) -> int:
        if (known := self._next.get(place)) is not None:
            return known
        kafka = _kafka(place)
        begin = await self._client.beginning_offsets([kafka])
        return int((await self._client.committed(kafka)) or begin[kafka])


@dataclass(frozen=True, slots=True)
class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    member: Member
    following: dict[Place, int]

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self.member.revoked(list(starmap(Place, revoked)))

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self.following.clear()
        await self.member.assigned(list(starmap(Place, assigned)))


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    try:
        yield
    except (KafkaError, IllegalStateError) as error:
        raise KafkaTrouble(type(error).__name__) from error


def _client(lane: Lane) -> AIOKafkaConsumer:
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
        request_timeout_ms=int(REQUEST_S * 1000),
        retry_backoff_ms=100,
        metadata_max_age_ms=10_000,
        # Held for each partition beside the window, and more while it arrives. No less than our largest batch:
        # then only one partition would be answered at a time.
        max_partition_fetch_bytes=262_144,
    )


def _kafka(place: Place) -> TopicPartition:
    return TopicPartition(*place)


def record_of(raw: ConsumerRecord[bytes, bytes]) -> Record:
    """A record as aiokafka has it."""
    return Record(raw.topic, raw.partition, raw.offset, text_of(raw.key), tuple(raw.headers), raw.value)
