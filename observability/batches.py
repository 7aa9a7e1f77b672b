"""Takes finished spans off the hands of whoever made them, and gives them on in batches from a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from observability import metrics

QUEUE: Final = 20_000
"""Spans. About two seconds of a process at full load; a queue of ordinary spans takes 40 MB when full."""
BATCH: Final = 256
"""Spans. Keeps a batch far below the megabyte that Kafka takes."""
EVERY_SECONDS: Final = 0.25
CASE_ATTRIBUTE: Final = "tongche.case_id"

Ship = Callable[[list[dict[str, Any]], int], None]


class Batches(SpanProcessor):
    """A bounded queue in front of one exporter. A full queue drops the newest span and counts it; it never blocks."""

    def __init__(self, exporter: SpanExporter, name: str, queue: int = QUEUE) -> None:
        self._exporter = exporter
        self._name = name
        self._limit = queue
        self._waiting: deque[ReadableSpan] = deque()
        self._exporting = threading.Lock()
        self._counting = threading.Lock()
        self._wake = threading.Event()
        self._stopped = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=f"spans-{name}", daemon=True)
        self._thread.start()

    def on_end(self, span: ReadableSpan) -> None:
        if self._stopped or len(self._waiting) >= self._limit:
            self._drop(1)
            return
        self._waiting.append(span)
        if len(self._waiting) == BATCH:
            self._wake.set()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what waits now, on the caller's thread. False where it did not end in time."""
        deadline = time.monotonic() + timeout_millis / 1000
        while self._waiting:
            if time.monotonic() > deadline:
                return False
            self._export_one()
        return True

    def shutdown(self) -> None:
        """Stop taking spans and export the rest."""
        self._stopped = True
        self._wake.set()
        self._thread.join(timeout=5)
        self.force_flush(5_000)
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait(EVERY_SECONDS)
            self._wake.clear()
            while self._waiting:
                self._export_one()
            metrics.gauge("tongche_spans_waiting", len(self._waiting), exporter=self._name)

    def _export_one(self) -> None:
        with self._exporting:
            batch = self._taken()
            if batch and self._exporter.export(batch) is not SpanExportResult.SUCCESS:
                self._drop(len(batch))
            elif batch:
                metrics.count("tongche_spans_shipped_total", len(batch), exporter=self._name)

    def _taken(self) -> list[ReadableSpan]:
        return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]

    def _drop(self, spans: int) -> None:
        with self._counting:
            self.dropped += spans
        metrics.count("tongche_spans_dropped_total", spans, exporter=self._name)


class ShipExporter(SpanExporter):
    """Hands spans, as the plain dicts of the contract, to a function of ours.

    `ship` is called on the exporter's thread with the spans and the number lost since the last call. Where it
    raises, its spans count as lost: the next call tells.
    """

    def __init__(self, service: str, ship: Ship) -> None:
        self._service = service
        self._ship = ship
        self._told = 0
        self.batches: Batches | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        lost = self.batches.dropped if self.batches else 0
        try:
            self._ship([plain(self._service, span) for span in spans], lost - self._told)
        except Exception as trouble:  # noqa: BLE001 - tracing may never take a service down; the loss is counted
            structlog.get_logger("tongche").warning("spans-not-shipped", spans=len(spans), error=type(trouble).__name__)
            return SpanExportResult.FAILURE
        self._told = lost
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is held here."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002 - the interface's
        return True


def plain(service: str, span: ReadableSpan) -> dict[str, Any]:
    """One finished span as the contract writes it."""
    context = span.context
    attributes = dict(span.attributes or {})
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "name": span.name[:200],
        "kind": span.kind.name.lower(),
        "service": service,
        "start_ns": span.start_time or 0,
        "end_ns": span.end_time or 0,
        "status": _STATUS[span.status.status_code],
        "case_id": attributes.pop(CASE_ATTRIBUTE, None),
        "attributes": attributes,
        "links": [f"{link.context.span_id:016x}" for link in span.links],
    }


_STATUS: Final = {StatusCode.UNSET: "unset", StatusCode.OK: "ok", StatusCode.ERROR: "error"}
