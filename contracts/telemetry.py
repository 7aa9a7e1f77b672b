"""Spans on their way to the trace store."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from . import types as t
from .contract import Contract, Part
from .versions import Versions

TraceId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
SpanId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Attribute = bool | int | float | Annotated[str, StringConstraints(max_length=500)]


class Span(Part):
    """One span of OpenTelemetry, times in nanoseconds since 1970. `links` name span ids of other tries."""

    trace_id: TraceId
    span_id: SpanId
    parent_id: SpanId | None = None
    name: Annotated[str, StringConstraints(max_length=200)]
    kind: Literal["internal", "server", "client", "producer", "consumer"]
    service: t.Identifier
    start_ns: Annotated[int, Field(ge=0)]
    end_ns: Annotated[int, Field(ge=0)]
    status: Literal["unset", "ok", "error"] = "unset"
    case_id: t.Reference | None = None
    attributes: dict[str, Attribute] = Field(default_factory=dict)
    links: tuple[SpanId, ...] = ()


class TelemetrySpansV1(Contract):
    """A batch of spans from one process; `dropped` counts those that its queue could not take."""

    spans: tuple[Span, ...]
    dropped: Annotated[int, Field(ge=0)] = 0


TELEMETRY_SPANS: Final = Versions(
    "telemetry.spans", "event", "tongche", "spans for the trace store", (TelemetrySpansV1,)
)
