"""A careful publisher: what was not acknowledged is handed in again, the same, until it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from contracts.types import CHINA
from services.publisher.door import Door, dealers_of
from services.publisher.sales import Sale, sales
from services.stack.running import Running
from services.stack.trouble import TroubleError

_PAUSE_S: Final = 0.1
ANSWER_S: Final = 15.0


def invented(stack: Running, publisher: str, random: Random, number: int) -> Iterator[Sale]:
    """So many sales of all kinds, some for export, some to be handed in five times, as this publisher may do it."""
    today = stack.settings.business_date or datetime.now(CHINA).date()
    return sales(number, random, today, f"urn:tongche:publisher:{publisher}", dealers_of(stack, publisher))


@dataclass(frozen=True, slots=True)
class Pace:
    """How many sales a second, how many in hand at once, and for how long each is handed in again."""

    per_s: float
    patience_s: float
    hands: int = 8


def _not_taken(sale: Sale) -> None:
    raise TimeoutError(f"{sale.sourceid} was not taken")


async def hand_in_steadily(
    door: Door,
    planned: Iterable[Sale],
    pace: Pace,
    taken: Callable[[Sale], None] = lambda _: None,
    given_up: Callable[[Sale], None] = _not_taken,
) -> None:
    """One sale after another at an even pace, each as often as it wants; the two hear what became of each.

    One that is stuck at the door holds up no other while a hand is free; what a door that was away has missed comes
    as soon as it is back.
    """
    loop, places = asyncio.get_running_loop(), asyncio.Semaphore(pace.hands)
    began = loop.time()

    async def carry(sale: Sale) -> None:
        try:
            for _ in range(sale.times):
                await until_acknowledged(door, sale, pace.patience_s)
        except TimeoutError:
            given_up(sale)
        else:
            taken(sale)
        finally:
            places.release()

    async with asyncio.TaskGroup() as carrying:
        for number, sale in enumerate(planned):
            await asyncio.sleep(began + number / pace.per_s - loop.time())
            await places.acquire()
            carrying.create_task(carry(sale))


async def hand_in(stack: Running, publisher: str, planned: Sequence[Sale], *, patience_s: float) -> None:
    """One by one, each as often as it wants. Raises `TimeoutError` for one that is not taken within the patience."""
    async with Door.of(stack, publisher) as door:
        for sale in planned:
            for _ in range(sale.times):
                await until_acknowledged(door, sale, patience_s)


async def until_acknowledged(door: Door, sale: Sale, patience_s: float) -> None:
    """Hand a sale in again and again; a door that keeps silent is asked anew."""
    async with asyncio.timeout(patience_s):
        while not await _taken(door, sale):  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(_PAUSE_S)


async def _taken(door: Door, sale: Sale) -> bool:
    try:
        async with asyncio.timeout(ANSWER_S):
            await door.publish(sale)
    except (TroubleError, TimeoutError):
        # Not there at all, or there and not able to keep anything: both mean that nothing was promised.
        return False
    return True
