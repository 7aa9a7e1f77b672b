"""A careful publisher: what was not acknowledged is handed in again, the same, until it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

import aiohttp

from services.cli.demo_sales import Sale, sales
from services.cli.door import Door, dealers_of
from services.stack.trouble import TroubleError
from tests.road.installation import Installation

_ACKNOWLEDGED_WITHIN_S: Final = 60
_PAUSE_S: Final = 0.1


def invented(installation: Installation, publisher: str, seed: int, number: int) -> list[Sale]:
    """So many sales of all kinds, some for export, some handed in five times, as this publisher may hand them in."""
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    dealers = dealers_of(installation.running, publisher)
    return list(sales(number, Random(seed), today, f"urn:tongche:publisher:{publisher}", dealers))


async def hand_in(installation: Installation, planned: Sequence[Sale]) -> None:
    """One by one, each as often as it wants."""
    async with Door.of(installation.running, "platform") as door:
        for sale in planned:
            for _ in range(sale.times):
                await _until_acknowledged(door, sale)


async def _until_acknowledged(door: Door, sale: Sale) -> None:
    async with asyncio.timeout(_ACKNOWLEDGED_WITHIN_S):
        while True:
            try:
                await door.publish(sale)
            except (aiohttp.ClientError, TroubleError):
                # Not there at all, or there and not able to keep anything: both mean that nothing was promised.
                await asyncio.sleep(_PAUSE_S)
            else:
                return
