"""Every metric of every process, in three tables; a name that is not in them fails the type check.

Labels are a closed set too, and none of them may ever hold a VIN, a case or a message: each distinct value is a
series that lives as long as the process.
"""

from __future__ import annotations

from typing import Final, Literal, TypedDict, Unpack

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CounterName = Literal[
    "tongche_callbacks_total",
    "tongche_case_steps_total",
    "tongche_commands_sent_total",
    "tongche_commit_failures_total",
    "tongche_disclosures_total",
    "tongche_door_sales_total",
    "tongche_fenced_total",
    "tongche_grants_ended_total",
    "tongche_grants_refused_total",
    "tongche_http_requests_total",
    "tongche_log_lines_lost_total",
    "tongche_log_lines_suppressed_total",
    "tongche_logins_total",
    "tongche_poison_total",
    "tongche_rebalances_total",
    "tongche_send_failures_total",
    "tongche_simulator_effects_total",
    "tongche_spans_dropped_total",
    "tongche_spans_shipped_total",
    "tongche_spans_stored_total",
    "tongche_store_unavailable_total",
    "tongche_timers_fired_total",
    "tongche_webhooks_total",
]
HistogramName = Literal[
    "tongche_agency_call_seconds",
    "tongche_loop_lag_seconds",
    "tongche_store_commit_seconds",
]
GaugeName = Literal[
    "tongche_breaker_state",
    "tongche_call_limit",
    "tongche_cases",
    "tongche_http_streams",
    "tongche_outbox_waiting",
    "tongche_spans_waiting",
    "tongche_timers_waiting",
    "tongche_window_records",
]


class Labels(TypedDict, total=False):
    """The labels there are. `route` is a template such as /v1/sales/{id}, never a path that came in."""

    exporter: str
    group: str
    logger: str
    method: str
    operation: str
    organisation: str
    result: str
    route: str
    state: str
    status: str
    topic: str


COUNTERS: Final[dict[CounterName, tuple[str, tuple[str, ...]]]] = {
    "tongche_store_unavailable_total": ("Times that the database could not take writes", ()),
    "tongche_send_failures_total": ("Batches that Kafka did not acknowledge in time", ()),
    "tongche_fenced_total": ("Work given up because another process owns the partition now", ()),
    "tongche_commit_failures_total": ("Commits of offsets that Kafka did not take", ()),
    "tongche_disclosures_total": ("Messages shown to subscribers, those that came again included", ()),
    "tongche_case_steps_total": ("Transitions of cases", ("state",)),
    "tongche_callbacks_total": ("Answers that organisations brought to our door", ("organisation", "result")),
    "tongche_commands_sent_total": ("Commands written to an organisation's topic", ("organisation",)),
    "tongche_door_sales_total": ("Sales that came to the door", ("result",)),
    "tongche_grants_ended_total": ("Grants whose subscriber was told that they are over", ("state",)),
    "tongche_grants_refused_total": ("Grants that ask for what may not be seen (A403)", ()),
    "tongche_http_requests_total": ("Requests answered", ("method", "route", "status")),
    "tongche_log_lines_lost_total": ("Log lines that could not be written", ()),
    "tongche_log_lines_suppressed_total": ("Repeated log lines not written", ("logger",)),
    "tongche_logins_total": ("Attempts to log in", ("result",)),
    "tongche_poison_total": ("Undecodable messages put aside", ("topic",)),
    "tongche_rebalances_total": ("Times that partitions were assigned to this process", ("group",)),
    "tongche_simulator_effects_total": ("Effects in the simulated agencies", ("organisation", "operation")),
    "tongche_spans_dropped_total": ("Spans lost because their queue was full or their exporter failed", ("exporter",)),
    "tongche_spans_shipped_total": ("Spans handed on", ("exporter",)),
    "tongche_spans_stored_total": ("Spans kept in the trace store", ()),
    "tongche_timers_fired_total": ("Timers that came due", ("operation",)),
    "tongche_webhooks_total": ("Posts to subscribers: taken, missed, or no longer to be told", ("result",)),
}
HISTOGRAMS: Final[dict[HistogramName, tuple[str, tuple[str, ...]]]] = {
    "tongche_agency_call_seconds": ("Time of one call to an organisation", ("organisation",)),
    "tongche_loop_lag_seconds": ("How late the event loop is; over 10 s costs the group membership", ()),
    "tongche_store_commit_seconds": ("Time of one grouped transaction", ()),
}
GAUGES: Final[dict[GaugeName, tuple[str, tuple[str, ...]]]] = {
    "tongche_call_limit": ("calls that may run at once, after slowing down", ("organisation",)),
    "tongche_breaker_state": ("0 closed, 1 half-open, 2 open", ("organisation",)),
    "tongche_cases": ("Cases by headline", ("state",)),
    "tongche_http_streams": ("Open event streams", ()),
    "tongche_outbox_waiting": ("Stored messages that Kafka has not acknowledged", ()),
    "tongche_spans_waiting": ("Spans in the queue", ("exporter",)),
    "tongche_timers_waiting": ("Timers that are not due", ()),
    "tongche_window_records": ("Records fetched and not finished", ("group",)),
}

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_registry: Final = CollectorRegistry(auto_describe=True)
_counters: Final = {
    name: Counter(name, help_, labels, registry=_registry) for name, (help_, labels) in COUNTERS.items()
}
_histograms: Final = {
    name: Histogram(name, help_, labels, registry=_registry, buckets=_BUCKETS)
    for name, (help_, labels) in HISTOGRAMS.items()
}
_gauges: Final = {name: Gauge(name, help_, labels, registry=_registry) for name, (help_, labels) in GAUGES.items()}


def count(name: CounterName, by: float = 1, **labels: Unpack[Labels]) -> None:
    """Add to a counter. Labels that are not the metric's own raise ValueError."""
    counter = _counters[name]
    (counter.labels(**labels) if labels else counter).inc(by)


def observe(name: HistogramName, seconds: float, **labels: Unpack[Labels]) -> None:
    """Put one duration into its histogram."""
    histogram = _histograms[name]
    (histogram.labels(**labels) if labels else histogram).observe(seconds)


def gauge(name: GaugeName, value: float, **labels: Unpack[Labels]) -> None:
    """Say how things stand now."""
    measure = _gauges[name]
    (measure.labels(**labels) if labels else measure).set(value)


def read(name: CounterName | GaugeName, **labels: Unpack[Labels]) -> float:
    """One series as it stands; 0 where nobody has touched it."""
    return _registry.get_sample_value(name, {key: str(value) for key, value in labels.items()}) or 0.0


def render() -> bytes:
    """The text that Prometheus reads; serve it as `CONTENT_TYPE`."""
    return generate_latest(_registry)
