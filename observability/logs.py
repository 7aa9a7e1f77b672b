"""Structured logs: one JSON object a line, with case and trace, without personal data; other libraries' lines too."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, Final, Literal, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from observability import metrics, redaction, tracing

Format = Literal["json", "console"]

_ROOM: Final = 5
_PERIOD_SECONDS: Final = 10.0
_KINDS: Final = 500
_ACCESS_PARTS: Final = 5
_NOISY: Final = ("aiokafka", "kafka", "faststream", "opentelemetry", "urllib3", "aiohttp")


def configure(service: str, fmt: Format = "json", stream: TextIO | None = None) -> None:
    """Send everything that structlog and the standard library log to `stream` (stdout), one line each."""
    out = cast("TextIO", Lossy(stream or sys.stdout))
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _service(service),
        _trace,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, _renderer(fmt)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    _route_standard_library(shared, fmt, out)


def get(name: str | None = None) -> FilteringBoundLogger:
    """A logger: the event is a short stable word, what varies goes by key."""
    return cast("FilteringBoundLogger", structlog.get_logger(name) if name else structlog.get_logger())


def place_of(error: BaseException) -> str:
    """What kind of error it is and where it was raised; not its text, which may quote what somebody sent."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where


def bind(**what: str | None) -> None:
    """Say on every further line of this task what it is about: `case_id`, `trace_id`."""
    structlog.contextvars.bind_contextvars(**{key: value for key, value in what.items() if value is not None})


def unbind(*names: str) -> None:
    """Stop saying it."""
    structlog.contextvars.unbind_contextvars(*names)


@contextmanager
def hushed(library: str) -> Iterator[None]:
    """Let a library say nothing short of a crash, for as long as we ourselves take away what it would complain of."""
    logger = logging.getLogger(library)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


class Lossy:
    """A stream that may lose lines: on a full disk the work goes on, or says itself why it cannot.

    A line that nobody can write must not turn a door's 503 into a 500, nor end a process that only waits for room.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        try:
            return self._out.write(text)
        except OSError:
            metrics.count("tongche_log_lines_lost_total")
            return len(text)

    def flush(self) -> None:
        # What could not be written was counted as lost; what is still buffered is tried again by the next flush.
        with suppress(OSError):
            self._out.flush()


class RateLimit(logging.Filter):
    """Lets a few lines of one kind through in a period, then counts; the next one let through tells how many.

    A kind is a logger with its message before the arguments are put in. During an outage aiokafka alone writes
    60 to 120 lines a second.
    """

    def __init__(
        self, room: int = _ROOM, period: float = _PERIOD_SECONDS, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._room = room
        self._period = period
        self._now = now
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = (record.name, str(record.msg)[:80])
        began, seen = self._kinds.get(kind, (self._now(), 0))
        if self._now() - began >= self._period:
            record.suppressed = max(0, seen - self._room)
            began, seen = self._now(), 0
        self._remember(kind, began, seen + 1)
        if seen < self._room:
            return True
        metrics.count("tongche_log_lines_suppressed_total", logger=record.name.partition(".")[0])
        return False

    def _remember(self, kind: tuple[str, str], began: float, seen: int) -> None:
        # Messages with values inside are a kind each, and must not grow the memory.
        if len(self._kinds) >= _KINDS:
            self._kinds.clear()
        self._kinds[kind] = (began, seen)


def _route_standard_library(shared: list[Processor], fmt: Format, out: TextIO) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_logger_name, _suppressed, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(fmt)],
        )
    )
    handler.addFilter(_without_query)
    limit = RateLimit()
    handler.addFilter(lambda record: not record.name.startswith(_NOISY) or limit.filter(record))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.captureWarnings(capture=True)


def _without_query(record: logging.LogRecord) -> bool:
    """Cut the query off uvicorn's access lines; what stands behind the question mark may be anybody's."""
    if record.name == "uvicorn.access" and isinstance(record.args, tuple) and len(record.args) == _ACCESS_PARTS:
        client, method, path, version, status = record.args
        record.args = (client, method, str(path).partition("?")[0], version, status)
    return True


def _renderer(fmt: Format) -> Processor:
    if fmt == "console":
        return structlog.dev.ConsoleRenderer(colors=False)
    return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)


def _service(service: str) -> Processor:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    return add


def _trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    place, case = tracing.current(), tracing.current_case()
    if place:
        event.setdefault("trace_id", place.trace_id)
        event.setdefault("span_id", place.span_id)
    if case:
        event.setdefault("case_id", case)
    return event


def _logger_name(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["logger"] = event["_record"].name
    return event


def _suppressed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if suppressed := getattr(event["_record"], "suppressed", 0):
        event["suppressed"] = suppressed
    return event


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event:
        if not key.startswith("_"):
            event[key] = redaction.value(key, event[key])
    return event
