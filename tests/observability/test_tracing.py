"""Spans hang where they should, reach our store as the contract says, and never cost the service anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from contracts.telemetry import TelemetrySpansV1
from observability import metrics, traceparent, tracing

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CASE = "0198c0de-7abc-7000-8000-000000000000"


class Shelf:
    """Keeps what was shipped; may be told to refuse, or to wait."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        self.dropped = 0
        self.refuses = False
        self.open = threading.Event()
        self.open.set()

    def ship(self, spans: list[dict[str, Any]], dropped: int) -> None:
        self.open.wait(60)
        if self.refuses:
            raise ConnectionError
        self.spans += spans
        self.dropped += dropped


@pytest.fixture
def shelf() -> Shelf:
    """An empty shelf."""
    return Shelf()


@pytest.fixture
def kept(shelf: Shelf) -> Iterator[tracing.Tracing]:
    """Tracing that puts its spans on the shelf."""
    kept = tracing.configure("journey", shelf.ship, None)
    yield kept
    shelf.open.set()
    kept.shutdown()


def test_spans_arrive_as_the_contract_says(shelf: Shelf, kept: tracing.Tracing) -> None:
    """What is shipped is valid by contract, with kind, times, parent, link, case and attributes."""
    earlier = "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01"
    with tracing.span("process tax.events", "consumer", parent=PARENT, links=[earlier, "2" * 16], case_id=CASE) as span:
        span.set("tongche.organisation", "tax")
    kept.flush()
    (plain,) = shelf.spans
    plain["links"] = tuple(plain["links"])
    valid = TelemetrySpansV1.model_validate({"spans": (plain,)}).spans[0]
    assert (valid.trace_id, valid.parent_id) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    assert (valid.kind, valid.service, valid.status) == ("consumer", "journey", "unset")
    assert valid.links == ("1" * 16, "2" * 16)
    assert valid.case_id == CASE
    assert valid.attributes == {"tongche.organisation": "tax"}
    assert valid.end_ns >= valid.start_ns > 0


def test_a_span_inside_another_is_its_child_and_of_its_case(shelf: Shelf, kept: tracing.Tracing) -> None:
    """Without a parent given, the span that lasts is the parent."""
    with (
        tracing.span("process sale.events", "consumer", case_id=CASE) as outer,
        tracing.span("send tax.commands") as inner,
    ):
        pass
    kept.flush()
    assert inner.trace_id == outer.trace_id
    assert [(span["parent_id"], span["case_id"]) for span in shelf.spans] == [(outer.span_id, CASE), (None, CASE)]
    assert tracing.current() is None
    assert tracing.current_case() is None


def test_a_wrong_parent_begins_a_trace_of_its_own(shelf: Shelf, kept: tracing.Tracing) -> None:
    """Garbage in a header joins nothing, not even the span that lasts."""
    with tracing.span("outer") as outer, tracing.span("inner", parent="garbage") as inner:
        pass
    kept.flush()
    assert inner.trace_id != outer.trace_id
    assert shelf.spans[0]["parent_id"] is None


def test_an_exception_makes_an_error_without_its_text(shelf: Shelf, kept: tracing.Tracing) -> None:
    """The kind of an error is told, its message may hold a person's data and is not."""
    with pytest.raises(ValueError, match="张三"), tracing.span("call"):
        raise ValueError("张三")
    kept.flush()
    (span,) = shelf.spans
    assert span["status"] == "error"
    assert span["attributes"] == {"error.type": "ValueError"}
    assert "张三" not in str(span)


def test_personal_values_and_message_ids_never_reach_a_span(shelf: Shelf, kept: tracing.Tracing) -> None:
    """By key or by pattern, in the name or in an attribute."""
    vin = "LSVAU2A37N2000001"
    with tracing.span(
        f"look {vin}", attributes={"vin": vin, "messaging.message.id": "m-1", "note": f"of {vin}"}
    ) as span:
        span.set("buyer_name", "张三")
        span.set("plate_no", "粤B12345")
    kept.flush()
    (found,) = shelf.spans
    assert found["name"] == "look LSV…0001"
    assert found["attributes"] == {"note": "of LSV…0001"}


def test_before_configuring_ids_travel_and_nothing_is_kept(shelf: Shelf) -> None:
    """Code needs no switch: unkept spans still propagate their trace."""
    with tracing.span("process x", parent=PARENT) as span:
        assert span.trace_id in PARENT
        assert traceparent.read(span.traceparent) is not None
    with tracing.span("alone") as alone:
        assert traceparent.read(alone.traceparent) is not None
    assert shelf.spans == []


def test_a_full_queue_drops_and_counts_and_never_waits(shelf: Shelf) -> None:
    """While shipping hangs, spans beyond the queue are lost, told by metric and with the next batch."""
    shelf.open.clear()
    kept = tracing.configure("journey", shelf.ship, None, queue=100)
    before = metrics.read("tongche_spans_dropped_total", exporter="store")
    for _ in range(1_000):
        with tracing.span("busy"):
            pass
    assert kept.dropped >= 1_000 - 100 - 256
    assert metrics.read("tongche_spans_dropped_total", exporter="store") - before == kept.dropped
    shelf.open.set()
    kept.flush()
    with tracing.span("after"):
        pass
    kept.shutdown()
    assert len(shelf.spans) + kept.dropped == 1_001
    assert shelf.dropped == kept.dropped


def test_spans_that_could_not_be_shipped_are_counted_as_lost(shelf: Shelf, kept: tracing.Tracing) -> None:
    """An exporter that fails costs its spans, not the service; the count comes with the next batch."""
    shelf.refuses = True
    with tracing.span("lost"):
        pass
    kept.flush()
    shelf.refuses = False
    with tracing.span("kept"):
        pass
    kept.flush()
    assert [span["name"] for span in shelf.spans] == ["kept"]
    assert shelf.dropped == kept.dropped == 1


def test_nothing_is_kept_after_shutdown(shelf: Shelf) -> None:
    """What waits at the end is handed on; what comes later is not."""
    kept = tracing.configure("journey", shelf.ship, None)
    with tracing.span("last"):
        pass
    kept.shutdown()
    with tracing.span("too late"):
        pass
    assert [span["name"] for span in shelf.spans] == ["last"]


def test_a_collector_gets_the_spans_by_otlp(shelf: Shelf) -> None:
    """With a collector's address, the same spans go there over HTTP as well."""
    paths: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the interface's
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kept = tracing.configure("journey", shelf.ship, f"http://127.0.0.1:{server.server_port}/")
        with tracing.span("process tax.events"):
            pass
        kept.shutdown()
        server.shutdown()
    assert [path for path, _ in paths] == ["/v1/traces"]
    assert b"process tax.events" in paths[0][1]
    assert len(shelf.spans) == 1
