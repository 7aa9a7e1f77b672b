"""Spans on their way from the exporter's thread to Kafka: best effort, bounded, never in the way of work."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic_core import to_json

from contracts import topics
from contracts.envelope import message
from contracts.telemetry import TelemetrySpansV1
from observability import logs, metrics

from .clock import Clock
from .ids import new_id
from .producer import Producer
from .record import Outgoing, outgoing

_MOST_WAITING: Final = 200
_AT_ONCE: Final = 500
_FLUSH_S: Final = 2.0


@dataclass(slots=True)
class SpanPost:
    """Takes batches of spans from any thread and sends them to `telemetry.spans`; the oldest give way."""

    service: str
    producer: Producer
    clock: Clock
    loop: asyncio.AbstractEventLoop
    _waiting: deque[tuple[list[dict[str, Any]], int]] = field(default_factory=deque)
    _unsaid: int = 0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def ship(self, spans: list[dict[str, Any]], dropped: int) -> None:
        """Take a batch; called by the exporter's thread."""
        self.loop.call_soon_threadsafe(self._take, spans, dropped)

    def _take(self, spans: list[dict[str, Any]], dropped: int) -> None:
        if len(self._waiting) == _MOST_WAITING:
            self._give_up()
        self._waiting.append((spans, dropped))
        self._wake.set()

    async def run(self) -> None:
        """Send for as long as the service lives."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._send()

    async def flush(self) -> None:
        """Send what waits, within a bound: spans are not worth a slow stop."""
        try:
            async with asyncio.timeout(_FLUSH_S):
                await self._send()
        except TimeoutError:
            while self._waiting:
                self._give_up()

    def _give_up(self) -> None:
        """Drop the oldest batch; its number is told with the next one that arrives, and in our own metrics."""
        spans, dropped = self._waiting.popleft()
        metrics.count("tongche_spans_dropped_total", len(spans), exporter="store")
        self._unsaid += len(spans) + dropped

    async def _send(self) -> None:
        while self._waiting:
            spans, dropped = self._waiting.popleft()
            dropped, self._unsaid = dropped + self._unsaid, 0
            for start in range(0, len(spans), _AT_ONCE):
                part = spans[start : start + _AT_ONCE]
                try:
                    told = self._message(part, dropped if start == 0 else 0)
                except ValueError as wrong:
                    # No span of ours should be so, and none is worth the end of the service.
                    metrics.count("tongche_spans_dropped_total", len(part), exporter="store")
                    logs.get().error("spans_refused", error=type(wrong).__name__, spans=len(part))
                    continue
                await self.producer.send(told)

    def _message(self, spans: list[dict[str, Any]], dropped: int) -> Outgoing:
        data = TelemetrySpansV1.model_validate_json(to_json({"spans": spans, "dropped": dropped}))
        moment: datetime = self.clock.now()
        told = message(data, id=new_id(), source=f"urn:tongche:{self.service}", subject=self.service, time=moment)
        return outgoing(topics.TELEMETRY_SPANS.name, self.service, told)
