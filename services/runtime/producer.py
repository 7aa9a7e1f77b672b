"""The one way a message of ours gets onto Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, ProducerClosed

from contracts.topics import LARGEST_MESSAGE
from observability import logs, metrics

from .record import Outgoing

_ACK_S: Final = 30.0
"""With idempotence aiokafka never expires a batch; past this the send is ambiguous and is repeated."""
_STOP_S: Final = 5.0
_PAUSE_S: Final = 0.2


@dataclass(slots=True)
class Producer:
    """Sends until it is acknowledged; what is sent twice has the same id and consumers know it.

    After a failure the inner producer is thrown away: a batch that the broker refused can poison its
    sequence numbers for good.
    """

    bootstrap: str
    client_id: str
    ack_s: float = _ACK_S
    _inner: AIOKafkaProducer | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Connect, waiting for the broker as long as it takes."""
        await self._connected()

    async def stop(self) -> None:
        """Send what is buffered, within a bound, and disconnect."""
        if self._inner is not None:
            await _stopped(self._inner)
            self._inner = None

    async def send(self, message: Outgoing) -> None:
        """Return when the message is on Kafka. Only cancellation ends it otherwise."""
        await self.send_all([message])

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        """Return when all are on Kafka; those to one partition arrive in the order given."""
        waiting = list(messages)
        while waiting:
            waiting = await self._try(waiting)

    async def _try(self, messages: list[Outgoing]) -> list[Outgoing]:
        """One attempt at all of them; gives back what must be sent again."""
        inner = await self._connected()
        acks: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(self.ack_s):
                for message in messages:
                    ack = await self._accepted(inner, message)
                    acks.append(ack)
                await asyncio.gather(*acks)
        except MessageSizeTooLargeError:
            raise  # it will never be accepted, and trying would hold up everybody else for ever
        except (KafkaError, TimeoutError) as error:
            metrics.count("tongche_send_failures_total")
            logs.get().warning("send_failed", error=type(error).__name__, messages=len(messages))
            for ack in acks:
                ack.add_done_callback(_looked_at)
            unsent = [one for one, ack in zip(messages, acks, strict=False) if not _is_acked(ack)]
            await self._throw_away(inner)
            return unsent + messages[len(acks) :]
        return []

    async def _accepted(self, inner: AIOKafkaProducer, message: Outgoing) -> asyncio.Future[Any]:
        while True:
            try:
                future: asyncio.Future[Any] = await inner.send(
                    message.topic, message.value, key=message.key.encode() or None, headers=list(message.headers)
                )
            except KafkaTimeoutError:
                # The buffer of a partition stayed full. Not accepted, so it is safe to offer it again.
                continue
            return future

    async def _connected(self) -> AIOKafkaProducer:
        async with self._lock:
            while self._inner is None:
                inner = AIOKafkaProducer(
                    bootstrap_servers=self.bootstrap,
                    client_id=self.client_id,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=2,
                    max_batch_size=262_144,
                    max_request_size=LARGEST_MESSAGE,
                    request_timeout_ms=10_000,
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


def _is_acked(ack: asyncio.Future[Any]) -> bool:
    return ack.done() and not ack.cancelled() and ack.exception() is None


def _looked_at(ack: asyncio.Future[Any]) -> None:
    # Its message is sent again by a new producer; nobody else waits for this one.
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
    try:
        async with asyncio.timeout(_STOP_S):
            await inner.stop()
    except (TimeoutError, KafkaError) as error:
        logs.get().warning("producer_stop", error=type(error).__name__)
        await _cut_off(inner)


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
