"""What is not kept for ever goes a little at a time, for as long as a service lives: nobody waits long behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Never

from .store import Op, Store, waited_out

DAY_S: Final = 86_400.0


async def regularly(prune: Callable[[], Awaitable[None]], every_s: float = DAY_S) -> Never:
    """Prune at once, and again after so many seconds."""
    while True:
        await prune()
        await asyncio.sleep(every_s)


async def all_of(store: Store, some: Op[int]) -> int:
    """Have `some` delete until it finds nothing more, however long the store is away; how many that were."""
    gone = 0
    while deleted := await waited_out(lambda: store.run(some)):
        gone += deleted
    return gone
