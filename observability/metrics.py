"""Every metric of every process, in three tables; a name that is not in them fails the type check.

Labels are a closed set too, and none of them may ever hold a VIN, a case or a message: each distinct value is a
series that lives as long as the process. All names are written with `tongche_` before them.
"""

from __future__ import annotations

from typing import Final, Literal, TypedDict, Unpack, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CounterName = Literal[
    "breaker_changes",
    "case_steps",
    "commands_sent",
    "delivery_attempts",
    "delivery_states",
    "door_sales",
    "http_requests",
    "log_lines_suppressed",
    "logins",
    "messages_handled",
    "messages_poisoned",
    "messages_produced",
    "messages_repeated",
    "outbox_resent",
    "rebalances",
    "simulator_effects",
    "spans_dropped",
    "spans_shipped",
    "timers_fired",
]
HistogramName = Literal[
    "agency_call_seconds",
    "handler_seconds",
    "http_request_seconds",
    "loop_lag_seconds",
    "offset_commit_seconds",
    "outbox_wait_seconds",
    "store_commit_seconds",
]
GaugeName = Literal[
    "breaker_state",
    "cases",
    "consumer_lag",
    "deliveries",
    "http_streams",
    "in_flight",
    "lanes_busy",
    "lanes_waiting",
    "outbox_waiting",
    "spans_waiting",
    "store_queue",
    "timers_waiting",
    "window_bytes",
    "window_records",
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
    "breaker_changes": ("Changes of an organisation's breaker", ("organisation", "state")),
    "case_steps": ("Transitions of cases", ("state",)),
    "commands_sent": ("Commands written to an organisation's topic", ("organisation",)),
    "delivery_attempts": ("Calls to an organisation", ("organisation", "result")),
    "delivery_states": ("Deliveries that came into a state", ("organisation", "state")),
    "door_sales": ("Sales that came to the door", ("result",)),
    "http_requests": ("Requests answered", ("method", "route", "status")),
    "log_lines_suppressed": ("Repeated log lines not written", ("logger",)),
    "logins": ("Attempts to log in", ("result",)),
    "messages_handled": ("Messages whose handling is durable", ("group", "topic")),
    "messages_poisoned": ("Undecodable messages put aside", ("topic",)),
    "messages_produced": ("Messages acknowledged by Kafka", ("topic",)),
    "messages_repeated": ("Redelivered messages found in the ledger", ("group",)),
    "outbox_resent": ("Stored messages sent again after a restart", ()),
    "rebalances": ("Assignments of partitions changed", ("group",)),
    "simulator_effects": ("Effects in the simulated agencies", ("organisation", "operation")),
    "spans_dropped": ("Spans lost because their queue was full or their exporter failed", ("exporter",)),
    "spans_shipped": ("Spans handed on", ("exporter",)),
    "timers_fired": ("Timers that came due", ("operation",)),
}
HISTOGRAMS: Final[dict[HistogramName, tuple[str, tuple[str, ...]]]] = {
    "agency_call_seconds": ("Time of one call to an organisation", ("organisation",)),
    "handler_seconds": ("Time of handling one message", ("group",)),
    "http_request_seconds": ("Time of answering a request", ("route",)),
    "loop_lag_seconds": ("How late the event loop is; over 10 s costs the group membership", ()),
    "offset_commit_seconds": ("Time of committing offsets", ("group",)),
    "outbox_wait_seconds": ("Time between storing a message and Kafka's acknowledgement", ()),
    "store_commit_seconds": ("Time of one grouped transaction", ()),
}
GAUGES: Final[dict[GaugeName, tuple[str, tuple[str, ...]]]] = {
    "breaker_state": ("0 closed, 1 half-open, 2 open", ("organisation",)),
    "cases": ("Cases by headline", ("state",)),
    "consumer_lag": ("Messages between what is committed and the end of the topic", ("group", "topic")),
    "deliveries": ("Deliveries held, parked or dead", ("organisation", "state")),
    "http_streams": ("Open event streams", ()),
    "in_flight": ("Calls to an organisation under way", ("organisation",)),
    "lanes_busy": ("Lanes at work", ("group",)),
    "lanes_waiting": ("Records that wait in lanes", ("group",)),
    "outbox_waiting": ("Stored messages that Kafka has not acknowledged", ()),
    "spans_waiting": ("Spans in the queue", ("exporter",)),
    "store_queue": ("Operations that wait for the writer", ()),
    "timers_waiting": ("Timers that are not due", ()),
    "window_bytes": ("Bytes of records fetched and not finished", ("group",)),
    "window_records": ("Records fetched and not finished", ("group",)),
}

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_registry: Final = CollectorRegistry(auto_describe=True)
_counters: Final = {
    name: Counter(name, help_, labels, namespace="tongche", registry=_registry)
    for name, (help_, labels) in COUNTERS.items()
}
_histograms: Final = {
    name: Histogram(name, help_, labels, namespace="tongche", registry=_registry, buckets=_BUCKETS)
    for name, (help_, labels) in HISTOGRAMS.items()
}
_gauges: Final = {
    name: Gauge(name, help_, labels, namespace="tongche", registry=_registry)
    for name, (help_, labels) in GAUGES.items()
}


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
    full = f"tongche_{name}_total" if name in get_args(CounterName) else f"tongche_{name}"
    return _registry.get_sample_value(full, {key: str(value) for key, value in labels.items()}) or 0.0


def render() -> bytes:
    """The text that Prometheus reads; serve it as `CONTENT_TYPE`."""
    return generate_latest(_registry)
