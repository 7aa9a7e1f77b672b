"""Log lines are JSON, know their case and trace, and hold nothing personal."""

from __future__ import annotations

import errno
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from observability import logs, metrics, tracing


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Where the lines of this test go."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("journey", "json", stream)
    yield stream
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers, root.level = handlers, level


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_says_service_case_and_trace(out: io.StringIO) -> None:
    """What a span is about stands on every line inside it, without anybody passing it on."""
    with tracing.span("process sale.events", case_id="case-1") as span:
        logs.get().info("opened", facet="tax")
    (line,) = lines(out)
    assert (line["event"], line["service"], line["level"], line["facet"]) == ("opened", "journey", "info", "tax")
    assert (line["case_id"], line["trace_id"]) == ("case-1", span.trace_id)


class FullDisk(io.StringIO):
    """Takes nothing."""

    def write(self, text: str) -> int:
        del text
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_line_that_cannot_be_written_fails_nobody(out: io.StringIO) -> None:
    """Neither ours nor another library's; how many were lost is counted."""
    logs.configure("intake", "json", FullDisk())
    logs.get().info("ours")
    logging.getLogger("uvicorn").error("theirs")
    assert b"tongche_log_lines_lost_total 2.0" in metrics.render()


def test_what_is_bound_stands_on_further_lines_until_unbound(out: io.StringIO) -> None:
    """Binding is for work that has no span."""
    logs.bind(case_id="case-2", trace_id=None)
    logs.get().info("one")
    logs.unbind("case_id")
    logs.get().info("two")
    assert [line.get("case_id") for line in lines(out)] == ["case-2", None]


def test_nothing_personal_stands_in_any_line(out: io.StringIO) -> None:
    """By key, by pattern, in an exception's text, and in the lines of other libraries."""
    vin, phone, plate, resident = "LSVAU2A37N2000001", "13812345678", "粤B12345", "11010519491231002X"
    log = logs.get()
    log.info("sale", vin=vin, buyer_name="欧阳娜娜", nested={"phone": phone, "list": [resident, plate]})
    try:
        int(f"{vin} of {phone}")
    except ValueError:
        log.exception("failed", note=f"{plate} {resident}")
    logging.getLogger("some.library").error("cannot take %s of %s", vin, phone)
    text = out.getvalue()
    assert not [secret for secret in (vin, phone, plate, resident, "欧阳") if secret in text]
    assert len(lines(out)) == 3


def test_an_event_text_in_chinese_stays_readable(out: io.StringIO) -> None:
    """Lines are UTF-8, not escapes."""
    logs.get().info("started", note="通车")
    assert "通车" in out.getvalue()


def test_an_outage_of_kafka_does_not_flood_the_log(out: io.StringIO) -> None:
    """Of a hundred equal lines a few are written, and the rest is counted."""
    before = metrics.read("tongche_log_lines_suppressed_total", logger="aiokafka")
    for node in range(100):
        logging.getLogger("aiokafka.client").error("Unable connect to node with id %s", node)
    logging.getLogger("aiokafka.client").error("another trouble")
    written = lines(out)
    assert len(written) == 6
    assert metrics.read("tongche_log_lines_suppressed_total", logger="aiokafka") - before == 95


def test_a_hushed_library_speaks_again_afterwards(out: io.StringIO) -> None:
    """Whoever takes brokers away hides the complaints of that time only."""
    complaint = logging.getLogger("aiokafka.client")
    with logs.hushed("aiokafka"):
        complaint.error("hidden")
    complaint.error("heard")
    assert [line["event"] for line in lines(out)] == ["heard"]


def test_after_a_while_the_line_is_written_again_and_tells_what_was_left_out() -> None:
    """A period later the same line comes through, with the number of those that did not."""
    now = 100.0
    limit = logs.RateLimit(room=2, period=10, now=lambda: now)

    def record() -> logging.LogRecord:
        return logging.LogRecord("aiokafka", logging.ERROR, "", 0, "down", None, None)

    assert [limit.filter(record()) for _ in range(5)] == [True, True, False, False, False]
    now = 111.0
    late = record()
    assert limit.filter(late)
    assert late.__dict__["suppressed"] == 3


def test_our_own_lines_are_never_suppressed(out: io.StringIO) -> None:
    """The limit is for libraries; what we say we mean."""
    for _ in range(50):
        logs.get().warning("held")
    assert len(lines(out)) == 50


def test_access_lines_have_no_query(out: io.StringIO) -> None:
    """An access line keeps the path and loses what stands behind the question mark."""
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", "/x?q=secret", "1.1", 200)
    assert "/x HTTP" in out.getvalue()
    assert "secret" not in out.getvalue()
