"""Spans are best effort: a bad one is dropped and counted, and the service lives on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from observability import metrics
from services.runtime.clock import Clock
from services.runtime.spans import _MOST_WAITING, SpanPost
from tests.runtime.bench import Post

SPAN: dict[str, Any] = {
    "trace_id": "0" * 31 + "1",
    "span_id": "0" * 15 + "1",
    "name": "process topic",
    "kind": "consumer",
    "service": "dispatch",
    "start_ns": 1,
    "end_ns": 2,
}


def test_a_span_that_breaks_its_contract_ends_nothing(until: Any) -> None:
    """The batches behind it are sent."""

    async def play() -> None:
        post = Post()
        spans = SpanPost("dispatch", post, Clock(), asyncio.get_running_loop())
        running = asyncio.create_task(spans.run())
        spans.ship([{**SPAN, "end_ns": -1}], 0)
        spans.ship([SPAN], 3)
        await until(lambda: len(post.sent) == 1)
        assert not running.done()
        running.cancel()

    asyncio.run(play())


def test_spans_that_give_way_are_counted(until: Any) -> None:
    """Nobody takes them: the oldest go, our metric says how many, and so does the next message that arrives."""

    async def play() -> None:
        before = metrics.read("tongche_spans_dropped_total", exporter="store")
        post = Post()
        post.open.clear()
        spans = SpanPost("dispatch", post, Clock(), asyncio.get_running_loop())
        for _ in range(_MOST_WAITING + 3):
            spans._take([SPAN, SPAN], 0)
        assert metrics.read("tongche_spans_dropped_total", exporter="store") == before + 6
        running = asyncio.create_task(spans.run())
        post.open.set()
        await until(lambda: len(post.sent) == _MOST_WAITING)
        running.cancel()
        assert [json.loads(one.value)["dropped"] for one in post.sent[:2]] == [6, 0]

    asyncio.run(play())
