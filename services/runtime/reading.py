"""Reading what topics hold at this moment, from their beginning, in no group and without a trace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from aiokafka import ConsumerRecord

from contracts.topics import Topic

from .dump import ends_of, reader
from .settings import Settings

_POLL_MS: Final = 500


async def held(settings: Settings, topics: Sequence[Topic]) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
    """Every record of those of these topics that are there; each partition's in its order."""
    ends = {place: end for place, (begin, end) in (await ends_of(settings, topics)).items() if end > begin}
    if not ends:
        return
    left = set(ends)
    async with reader(settings) as consumer:
        consumer.assign(list(left))
        await consumer.seek_to_beginning(*left)
        while left:
            for place, records in (await consumer.getmany(*left, timeout_ms=_POLL_MS)).items():
                for record in records:
                    if record.offset < ends[place]:
                        yield record
                if await consumer.position(place) >= ends[place]:
                    left.discard(place)
