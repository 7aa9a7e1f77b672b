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
    """The most that was seen, in MB."""

    rss_mb: float = 0.0


@asynccontextmanager
async def watched() -> AsyncIterator[Peak]:
    """Look ten times a second. Not the system's own peak: that one counts whoever started us as well."""
    peak, me = Peak(), psutil.Process()

    async def look() -> None:
        while True:
            peak.rss_mb = max(peak.rss_mb, me.memory_info().rss / _MB)
            await asyncio.sleep(_LOOK_S)

    looking = asyncio.create_task(look())
    try:
        yield peak
    finally:
        looking.cancel()
