"""A consumer whose client will not let go is left behind: its end is not the end of everybody's patience."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from services.runtime import lanes as module
from services.runtime.consumer import KafkaConsumer, Member
from services.runtime.lanes import Lane, Lanes
from tests.runtime.test_lanes import Notebook


class Clinging(KafkaConsumer):
    """Breaks at its start, and swallows every cancellation while it stops, as aiokafka's heartbeat does."""

    let_go: asyncio.Event

    async def start(self, member: Member) -> None:
        await member.assigned([])
        raise LookupError("broken")

    async def stop(self) -> None:
        while not self.let_go.is_set():
            with suppress(asyncio.CancelledError):
                await self.let_go.wait()


def test_what_broke_comes_out_although_the_client_clings(until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the process would live on without a consumer, and say that it is ready."""
    monkeypatch.setattr(module, "_STOP_S", 0.1)

    async def play() -> None:
        made: list[Clinging] = []
        before = asyncio.all_tasks()

        def connect(lane: Lane, unreadable: object) -> Clinging:
            made.append(Clinging(lane, unreadable))  # type: ignore[arg-type]
            made[-1].let_go = asyncio.Event()
            return made[-1]

        lanes = Lanes(Lane("group", ("topic",), "nowhere:1"), Notebook(), connect=connect)
        async with asyncio.timeout(30):
            with pytest.raises(LookupError, match="broken"):
                await lanes.run()
        assert not lanes.ready.is_set()
        made[0].let_go.set()
        await until(lambda: asyncio.all_tasks() <= before)

    asyncio.run(play())
