"""What a service shows of itself to whoever watches it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.runtime import face
from services.runtime.clock import Clock
from services.runtime.settings import Settings
from services.runtime.tables import ledger
from services.runtime.work import Stuck
from tests.dispatch.office import SetClock, office


def test_whether_the_store_writes_again_is_tried_by_the_service_s_clock(settings: Settings) -> None:
    """What is written for that bears the moment that the service believes it to be."""

    async def run() -> float:
        clock = SetClock()
        clock.pass_(timedelta(hours=-1))
        async with office(settings, clock=clock) as desk:
            await face._touch(desk.runtime)
            at = await desk.store.read(
                lambda connection: connection.execute(
                    select(ledger.c.at).where(ledger.c.consumer == "face")
                ).scalar_one()
            )
            return float(at)

    an_hour_ago = Clock().now().timestamp() - 3600
    assert an_hour_ago <= asyncio.run(run()) <= Clock().now().timestamp() - 3600


async def _nothing() -> None:
    return


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _cancelled_below() -> None:
    below = asyncio.create_task(asyncio.Event().wait())
    below.cancel()
    await below


@pytest.mark.parametrize("end", [_nothing, _cancelled_below], ids=["quietly", "by a cancellation from below"])
def test_a_consumer_that_ends_by_itself_ends_the_process(end: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """However it ended: a service that goes on without one of its consumers answers, and does nothing."""

    async def play() -> BaseException:
        (ended,) = await asyncio.gather(face._all([end(), _for_ever()]), return_exceptions=True)
        assert isinstance(ended, BaseExceptionGroup)
        return ended.exceptions[0]

    assert isinstance(asyncio.run(play()), Stuck)


def test_a_consumer_that_is_asked_to_end_ends() -> None:
    """And that is no failure of its."""

    async def play() -> None:
        consuming = asyncio.create_task(face._all([_for_ever()]))
        await asyncio.sleep(0)
        consuming.cancel()
        await asyncio.wait({consuming})
        assert consuming.cancelled()

    asyncio.run(play())
