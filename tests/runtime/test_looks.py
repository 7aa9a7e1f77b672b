"""A loop looks again when it is time, or when somebody knows that there is something."""

from __future__ import annotations

import asyncio

from services.runtime.looks import Looks

_NEVER_S = 3600.0


def test_who_knows_of_something_has_it_looked_for_at_once() -> None:
    """Also while a look is being taken, which may not see it any more; what was asked before is seen."""

    async def play() -> bool:
        looks = Looks(_NEVER_S)
        looks.at_once()
        looks.begin()
        asked = asyncio.create_task(looks.until_next())
        await asyncio.sleep(0)
        waited = not asked.done()
        looks.at_once()
        await asked
        looks.begin()
        looks.at_once()
        await looks.until_next()
        return waited

    assert asyncio.run(play())


def test_without_a_word_it_looks_when_it_is_time() -> None:
    """Nobody has to know of what comes due by itself."""
    asyncio.run(Looks(0.0).until_next())
