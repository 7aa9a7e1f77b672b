"""OpenTelemetry spans, one trace a case.

Names follow the messaging conventions: `send T` (producer), `process T` (consumer), one span an attempt; its parent
is the context in which the message was created, its link the previous attempt. A span never carries a VIN, a plate,
a message id or anything personal: what `set` is given passes the redaction. The case id is allowed.

Before `configure` everything works and nothing is kept: ids are minted and travel on, so that code needs no
switch. Call `configure` after any fork: it starts threads.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from observability import redaction, traceparent
from observability.batches import CASE_ATTRIBUTE, QUEUE, Batches, Ship, ShipExporter
from observability.traceparent import TraceParent

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attribute = bool | int | float | str

_KINDS: Final[dict[str, SpanKind]] = {kind.name.lower(): kind for kind in SpanKind}
_LONGEST: Final = 500
_SCOPE: Final = "tongche"

_IDS: Final = RandomIdGenerator()
_KEPT: Final = TraceFlags(TraceFlags.SAMPLED)
_NOT_KEPT: Final = TraceFlags(TraceFlags.DEFAULT)
_case: ContextVar[str | None] = ContextVar("tongche_case", default=None)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Who made the spans of this process, and where they go."""

    resource: Resource
    batches: tuple[Batches, ...]
    scope: InstrumentationScope = field(default_factory=lambda: InstrumentationScope(_SCOPE))


_pipeline: Pipeline | None = None


class Tracing:
    """The tracing of one process, to flush or stop it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._batches = pipeline.batches

    @property
    def dropped(self) -> int:
        """Spans lost on the way to our own store, since the start."""
        return self._batches[0].dropped

    def flush(self, timeout: float = 5.0) -> bool:
        """Hand on what waits. False where it took longer."""
        done = [each.force_flush(int(timeout * 1000)) for each in self._batches]
        return all(done)

    def shutdown(self) -> None:
        """Hand on what waits and keep no span from now on."""
        global _pipeline  # noqa: PLW0603 - one a process, as OpenTelemetry has it
        _pipeline = None
        for each in self._batches:
            each.shutdown()


def configure(service: str, ship: Ship, otlp: str | None = None, *, queue: int = QUEUE) -> Tracing:
    """Keep spans from now on: `ship` gets them (see `ShipExporter`), and the collector whose base URL is `otlp`."""
    global _pipeline  # noqa: PLW0603 - one a process, as OpenTelemetry has it
    resource = Resource.create({"service.name": service, "service.namespace": _SCOPE})
    batches = [_to_store(service, ship, queue)]
    if otlp:
        exporter = OTLPSpanExporter(endpoint=f"{otlp.rstrip('/')}/v1/traces", timeout=5)
        batches.append(Batches(exporter, "otlp", queue))
    _pipeline = Pipeline(resource, tuple(batches))
    return Tracing(_pipeline)


def _to_store(service: str, ship: Ship, queue: int) -> Batches:
    exporter = ShipExporter(service, ship)
    exporter.batches = Batches(exporter, "store", queue)
    return exporter.batches


class _Span(trace.NonRecordingSpan):
    """A span while it lasts, as plain fields. The SDK's own guards each change with locks, and cost five times as much.

    It is one task's alone, so nothing needs a guard; exporters get the SDK's `ReadableSpan` when it ends.
    """

    def __init__(self, context: SpanContext, pipeline: Pipeline, said: _Said) -> None:
        super().__init__(context)
        self._pipeline = pipeline
        self._said_at_first = said
        self._attributes = said.attributes
        self._status = _UNSET
        self._began = time.time_ns()

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self._attributes[key] = value

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        del description
        self._status = status if isinstance(status, Status) else Status(status)

    def end(self, end_time: int | None = None) -> None:
        said = self._said_at_first
        ended = ReadableSpan(
            said.name,
            self.get_span_context(),
            said.parent,
            self._pipeline.resource,
            self._attributes,
            (),
            said.links,
            said.kind,
            status=self._status,
            start_time=self._began,
            end_time=end_time or time.time_ns(),
            instrumentation_scope=self._pipeline.scope,
        )
        for each in self._pipeline.batches:
            each.on_end(ended)


class _Said(NamedTuple):
    """What is known of a span when it begins."""

    name: str
    kind: SpanKind
    parent: SpanContext | None
    attributes: dict[str, AttributeValue]
    links: Sequence[Link]


_UNSET: Final = Status(StatusCode.UNSET)


class SpanHandle(AbstractContextManager["SpanHandle"]):
    """One span while it lasts: `with span(...) as handle`. An exception that leaves it makes it an error."""

    __slots__ = ("_attached", "_case", "_span", "_told", "place")

    def __init__(self, span: trace.Span, case_id: str | None) -> None:
        self._span = span
        self._case = case_id
        self.place: Final = _place(span.get_span_context())
        """Where it stands."""

    @property
    def traceparent(self) -> str:
        """What a message or a call carries so that the next span hangs below this one."""
        return str(self.place)

    @property
    def span_id(self) -> str:
        return self.place.span_id

    @property
    def trace_id(self) -> str:
        return self.place.trace_id

    def set(self, name: str, value: Attribute | None) -> None:
        """Say something about it. What is personal, or a message's id, is left out."""
        allowed = _allowed(name, value)
        if allowed is not None:
            self._span.set_attribute(name, allowed)

    def fail(self, reason: str) -> None:
        """Mark it as failed; `reason` is a short stable word, not an error's text."""
        self._span.set_status(Status(StatusCode.ERROR))
        self.set("error.type", reason)

    def __enter__(self) -> Self:
        self._attached: Token[Context] = contexts.attach(trace.set_span_in_context(self._span))
        self._told: Token[str | None] = _case.set(self._case)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind is not None:
            self.fail(kind.__name__)
        _case.reset(self._told)
        contexts.detach(self._attached)
        self._span.end()


def span(  # noqa: PLR0913 - what a span has, each by name
    name: str,
    kind: Kind = "internal",
    *,
    parent: str | None = None,
    links: Sequence[str] = (),
    case_id: str | None = None,
    attributes: Mapping[str, Attribute | None] | None = None,
) -> SpanHandle:
    """Begin a span; without `parent` (a traceparent) it hangs below the one that lasts, or begins a trace.

    `links` are traceparents of other tries, or their span ids where they are of the same trace. A parent or
    link that is no valid traceparent is ignored, as W3C asks. The case is inherited.
    """
    case = case_id or _case.get()
    return SpanHandle(_begun(_plain(name), kind, _above(parent), _told(case, attributes), links), case)


def _begun(
    name: str,
    kind: Kind,
    parent: SpanContext,
    attributes: dict[str, AttributeValue],
    links: Sequence[str],
) -> trace.Span:
    pipeline = _pipeline
    context = SpanContext(
        parent.trace_id if parent.is_valid else _IDS.generate_trace_id(),
        _IDS.generate_span_id(),
        is_remote=False,
        trace_flags=_KEPT if pipeline else _NOT_KEPT,
    )
    if pipeline is None:
        return trace.NonRecordingSpan(context)
    said = _Said(
        name,
        _KINDS[kind],
        parent if parent.is_valid else None,
        attributes,
        _links(links, parent.trace_id) if links else (),
    )
    return _Span(context, pipeline, said)


def current() -> TraceParent | None:
    """Where we are now, if a span lasts."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return _place(context)


def current_case() -> str | None:
    """The case that the span which lasts is about."""
    return _case.get()


def _told(case: str | None, attributes: Mapping[str, Attribute | None] | None) -> dict[str, AttributeValue]:
    """What a span carries from its beginning."""
    told: dict[str, AttributeValue] = {CASE_ATTRIBUTE: case} if case else {}
    for name, value in (attributes or {}).items():
        allowed = _allowed(name, value)
        if allowed is not None:
            told[name] = allowed
    return told


def _allowed(name: str, value: Attribute | None) -> Attribute | None:
    """What may be said of it, or None."""
    if isinstance(value, str) and len(value) <= _LONGEST:
        return _said(name, value)
    allowed: Attribute | None = redaction.attribute(name, value)
    return allowed[:_LONGEST] if isinstance(allowed, str) else allowed


# The same few topics, organisations and commands stand in nearly every span, and looking for personal data in them
# cost as much as the rest of the span.
@lru_cache(maxsize=1024)
def _said(name: str, words: str) -> str | None:
    allowed: str | None = redaction.attribute(name, words)
    # A mask can be longer than what it hides.
    return None if allowed is None else allowed[:_LONGEST]


_plain: Final = lru_cache(maxsize=1024)(redaction.text)


def _place(context: SpanContext) -> TraceParent:
    return TraceParent(f"{context.trace_id:032x}", f"{context.span_id:016x}", int(context.trace_flags))


def _above(parent: str | None) -> SpanContext:
    """The span that a new one hangs below: one told of, or else the one that lasts."""
    if parent is None:
        return trace.get_current_span().get_span_context()
    place = traceparent.read(parent)
    return _remote(place) if place else trace.INVALID_SPAN_CONTEXT


def _remote(place: TraceParent) -> SpanContext:
    return SpanContext(
        int(place.trace_id, 16), int(place.span_id, 16), is_remote=True, trace_flags=TraceFlags(place.flags)
    )


def _links(others: Sequence[str], trace_id: int) -> list[Link]:
    places = [traceparent.read(other if "-" in other else f"00-{trace_id:032x}-{other}-01") for other in others]
    return [Link(_remote(place)) for place in places if place]
