"""The memory that this process really uses, watched while something runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import psutil

_LOOK_S: Final = 0.1
_MB: Final = 1024 * 1024


@dataclass(slots=True)
class Peak:
    """What was seen first, and the most that was seen, in MB."""

    first_mb: float
    rss_mb: float


@asynccontextmanager
async def watched() -> AsyncIterator[Peak]:
    """Look ten times a second. Not the system's own peak: that one counts whoever started us as well."""
    me = psutil.Process()
    first = me.memory_info().rss / _MB
    peak = Peak(first, first)

    async def look() -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            peak.rss_mb = max(peak.rss_mb, me.memory_info().rss / _MB)

    looking = asyncio.create_task(look())
    try:
        yield peak
    finally:
        looking.cancel()
