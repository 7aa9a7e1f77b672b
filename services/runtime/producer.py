"""The one way a message of ours gets onto Kafka.

Messages to one partition stand in one line. What stands there when the line is free leaves as one batch, and the
next batch leaves when that one is acknowledged: under load batches grow by themselves, an idle line waits for nothing,
and no batch can overtake another.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerClosed,
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import murmur2

from contracts.topics import LARGEST_MESSAGE
from observability import logs, metrics

from .broker import REQUEST_S
from .record import Outgoing

ACK_S: Final = 30.0
"""With idempotence aiokafka never expires a batch; past this the send is ambiguous and is repeated."""
_STOP_S: Final = 5.0
_PAUSE_S: Final = 0.2
_KEYS_KNOWN: Final = 32_768


class _Receipt:
    """What one call of `send_all` waits for: all its messages, or the first that will never be accepted."""

    __slots__ = ("future", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def arrived(self) -> None:
        self.left -= 1
        if not self.left and not self.future.done():
            self.future.set_result(None)

    def refused(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


_Parcel = tuple[Outgoing, _Receipt]


@dataclass(slots=True)
class _Line:
    """The messages to one partition that are not yet on their way, in order."""

    topic: str
    partition: int
    waiting: deque[_Parcel] = field(default_factory=deque)
    shipping: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Producer:
    """Sends until it is acknowledged; what is sent twice has the same id and consumers know it.

    After a failure the inner producer is thrown away: a batch that the broker refused can poison its
    sequence numbers for good.
    """

    bootstrap: str
    client_id: str
    ack_s: float = ACK_S
    _inner: AIOKafkaProducer | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _partitions: dict[str, int] = field(default_factory=dict)
    _lines: dict[tuple[str, int], _Line] = field(default_factory=dict)
    _turns: count[int] = field(default_factory=count)
    _asked: count[int] = field(default_factory=lambda: count(1))
    _under_way: dict[int, None] = field(default_factory=dict)

    async def start(self) -> None:
        """Connect, waiting for the broker as long as it takes."""
        await self._connected()

    async def stop(self) -> None:
        """Send what is buffered, within a bound, and disconnect; who still waits then hears `ProducerClosed`."""
        shipping = [line.shipping for line in self._lines.values() if line.shipping is not None]
        if shipping:
            await asyncio.wait(shipping, timeout=_STOP_S)
            for task in shipping:
                task.cancel()
            await asyncio.gather(*shipping, return_exceptions=True)
        if self._inner is not None:
            await _stopped(self._inner)
            self._inner = None

    async def send(self, message: Outgoing) -> None:
        """Return when the message is on Kafka. Only cancellation ends it otherwise."""
        await self.send_all((message,))

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        """Return when all are on Kafka; those to one partition arrive in the order given."""
        if not messages:
            return
        receipt, asked = _Receipt(len(messages)), next(self._asked)
        self._under_way[asked] = None
        try:
            for message in messages:
                partitions = self._partitions.get(message.topic) or await self._partitions_of(message.topic)
                self._queue(message, partitions, receipt)
            await receipt.future
        finally:
            del self._under_way[asked]

    @property
    def oldest(self) -> int | None:
        """Names what has waited longest for its acknowledgement; None where nothing waits."""
        return next(iter(self._under_way), None)

    def _queue(self, message: Outgoing, partitions: int, receipt: _Receipt) -> None:
        partition = partition_of(message.key, partitions) if message.key else next(self._turns) % partitions
        place = (message.topic, partition)
        line = self._lines.get(place)
        if line is None:
            line = self._lines[place] = _Line(*place)
        line.waiting.append((message, receipt))
        if line.shipping is None:
            line.shipping = asyncio.create_task(self._ship(line))

    async def _partitions_of(self, topic: str) -> int:
        """How many there are; counts never change, so each is asked for once."""
        while topic not in self._partitions:
            inner = await self._connected()
            try:
                self._partitions[topic] = len(await inner.partitions_for(topic))
            except UnknownTopicOrPartitionError:
                # Nobody else has to suffer for it: the producer stays.
                logs.get().warning("topic_missing", topic=topic)
            except KafkaError as error:
                logs.get().warning("partitions_unknown", topic=topic, error=type(error).__name__)
                await self._throw_away(inner)
        return self._partitions[topic]

    async def _ship(self, line: _Line) -> None:
        """Send what stands in a line, batch after batch, until nothing does."""
        parcels: list[_Parcel] = []
        try:
            while line.waiting:
                inner = await self._connected()
                batch, parcels = _packed(inner, line.waiting)
                if not parcels or await self._arrives(inner, line, batch):
                    for _, receipt in parcels:
                        receipt.arrived()
                else:
                    line.waiting.extendleft(reversed(parcels))
                parcels = []
        except asyncio.CancelledError:
            _refuse([*parcels, *line.waiting], ProducerClosed())
            raise
        except Exception as unplanned:  # noqa: BLE001 - whoever waits must hear it, and ends the process
            _refuse([*parcels, *line.waiting], unplanned)
        finally:
            line.shipping = None

    async def _arrives(self, inner: AIOKafkaProducer, line: _Line, batch: Any) -> bool:
        """Send one batch; False where it must be sent again."""
        try:
            async with asyncio.timeout(self.ack_s):
                await (await inner.send_batch(batch, line.topic, partition=line.partition))
        except KafkaTimeoutError:
            # An earlier batch still stood before it. Not accepted, so it is safe to offer it again.
            return False
        except (KafkaError, TimeoutError) as error:
            metrics.count("tongche_send_failures_total")
            logs.get().warning("send_failed", error=type(error).__name__, messages=batch.record_count())
            await self._throw_away(inner)
            return False
        return True

    async def _connected(self) -> AIOKafkaProducer:
        if self._inner is not None:
            return self._inner
        async with self._lock:
            while self._inner is None:
                inner = AIOKafkaProducer(
                    bootstrap_servers=self.bootstrap,
                    client_id=self.client_id,
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=262_144,
                    max_request_size=LARGEST_MESSAGE,
                    request_timeout_ms=int(REQUEST_S * 1000),
                    retry_backoff_ms=100,
                )
                try:
                    await _started(inner)
                except KafkaError:
                    await _stopped(inner)
                    await asyncio.sleep(_PAUSE_S)
                else:
                    self._inner = inner
            return self._inner

    async def _throw_away(self, inner: AIOKafkaProducer) -> None:
        async with self._lock:
            if self._inner is inner:
                self._inner = None
        await _stopped(inner)
        await asyncio.sleep(_PAUSE_S)


def partition_of(key: str, partitions: int) -> int:
    """The partition in which everything with this key stands, on any topic of so many."""
    return _hash(key) % partitions


@lru_cache(maxsize=_KEYS_KNOWN)
def _hash(key: str) -> int:
    """Kafka's own hash of a key, so that every client puts a vehicle into the same partition.

    In Python it costs as much as the rest of a send, and a vehicle's key comes again and again.
    """
    hashed: int = murmur2(key.encode()) & 0x7FFFFFFF
    return hashed


def _packed(inner: AIOKafkaProducer, waiting: deque[_Parcel]) -> tuple[Any, list[_Parcel]]:
    """Take as many as fit into one batch. What can never be sent is refused, and in nobody's way."""
    batch, parcels = inner.create_batch(), list[_Parcel]()
    while waiting:
        message, receipt = waiting[0]
        if receipt.future.done():
            waiting.popleft()  # nobody waits for it any more
            continue
        try:
            taken = batch.append(
                timestamp=None,
                key=message.key.encode() or None,
                value=message.value,
                headers=list(message.headers),
            )
        except (TypeError, ValueError, AttributeError) as wrong:
            waiting.popleft()
            receipt.refused(wrong)
            continue
        if taken is None:
            break
        parcels.append(waiting.popleft())
        if len(parcels) == 1 and batch.size() > LARGEST_MESSAGE:
            # Only the first may be larger than a batch. The broker would never accept it, and a refused batch
            # would cost everybody the producer.
            receipt.refused(MessageSizeTooLargeError(f"{message.topic}: {batch.size()} bytes"))
            batch, parcels = inner.create_batch(), []
    # Closed, so that it leaves as it is and at once.
    batch.close()
    return batch, parcels


def _refuse(parcels: Sequence[_Parcel], error: Exception) -> None:
    for _, receipt in parcels:
        receipt.refused(error)


def _looked_at(ack: asyncio.Future[Any]) -> None:
    # Nobody else waits for this one.
    if not ack.cancelled():
        ack.exception()


async def _started(inner: AIOKafkaProducer) -> None:
    # Cancelled half way it would leave its first connection open; it is let finish, and then closed.
    starting = asyncio.create_task(inner.start())
    starting.add_done_callback(_looked_at)
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=_STOP_S)
        await _stopped(inner)
        raise


async def _stopped(inner: AIOKafkaProducer) -> None:
    # A producer whose broker is away hangs in stop; it holds nothing that is not also held by its caller.
    # And it may swallow a cancellation and wait on: then it is left behind, cut off.
    stopping = asyncio.create_task(inner.stop())
    try:
        await asyncio.wait({stopping}, timeout=_STOP_S)
    finally:
        stopping.cancel()
    failed = TimeoutError() if not stopping.done() else stopping.exception()
    if isinstance(failed, TimeoutError | KafkaError):
        logs.get().warning("producer_stop", error=type(failed).__name__)
        await _cut_off(inner)
    elif failed is not None:
        raise failed


async def _cut_off(inner: AIOKafkaProducer) -> None:
    # Half stopped it cannot be stopped again: its sender would live on with all that it holds, one more after every
    # half minute of an outage. A test pins these private parts.
    await inner.client.close()
    try:
        async with asyncio.timeout(_STOP_S):
            await inner._sender.close()  # noqa: SLF001
    except (TimeoutError, KafkaError) as error:
        logs.get().warning("producer_cut_off", error=type(error).__name__)
    # Only now, when the sender can put nothing back: whoever waits for this producer asks another.
    inner._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
