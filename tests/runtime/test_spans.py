"""Spans are best effort: a bad one is dropped and counted, and the service lives on."""

from __future__ import annotations

import asyncio
from typing import Any

from services.runtime.clock import Clock
from services.runtime.spans import SpanPost
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
