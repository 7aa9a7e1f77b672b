"""What a service shows of itself to whoever watches it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import select

from services.runtime import face
from services.runtime.clock import Clock
from services.runtime.settings import Settings
from services.runtime.tables import ledger
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
