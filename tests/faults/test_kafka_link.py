"""The link to Kafka in every weather: what is sent arrives, what arrives is worked on, each key in order."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.chaos.proxy import CLEAR, Proxy
from services.chaos.schedule import WEATHERS
from services.runtime.lanes import Lane, Lanes
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Record
from tests.faults.conftest import Fronted
from tests.runtime.test_lanes import Notebook

KEYS = 10
EACH = 120
BAD_S = 0.3
"""Shorter than every time-out of ours: the weather passes, and what it held arrives late."""
CLEAR_S = 0.1


@dataclass
class Order(Notebook):
    """Keeps each key's numbers as they came for the first time."""

    first: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def handle(self, record: Record, known: Any | None) -> None:
        await super().handle(record, known)
        if self.seen[record.key][-1] not in self.first[record.key]:
            self.first[record.key].append(self.seen[record.key][-1])

    @property
    def whole(self) -> bool:
        return sum(map(len, self.first.values())) == KEYS * EACH


async def _topic(bootstrap: str) -> str:
    name = f"link.{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 4, 1)])
    await admin.close()
    return name


async def _say(producer: Producer, topic: str) -> None:
    for number in range(EACH):
        said = str(number).encode()
        await producer.send_all([Outgoing(f"{key}-{number}", topic, f"key{key}", (), said) for key in range(KEYS)])
        await asyncio.sleep(0.04)


@asynccontextmanager
async def _worked(bootstrap: str, topic: str, work: Order) -> AsyncIterator[None]:
    lanes = Lanes(Lane(uuid.uuid4().hex, (topic,), bootstrap, at_once=16), work)
    working = asyncio.create_task(lanes.run())
    try:
        yield
        assert not working.done(), working.result()
    finally:
        await lanes.stop()
        working.cancel()
        await asyncio.wait({working})


async def _spoil(proxy: Proxy) -> None:
    """Every weather that there is, one squall after another."""
    for weather in WEATHERS.values():
        proxy.turn(weather)
        await asyncio.sleep(BAD_S)
        proxy.turn(CLEAR)
        await asyncio.sleep(CLEAR_S)


def test_in_every_weather_nothing_is_lost_and_no_key_overtakes_itself(fronted: Fronted, until: Any) -> None:
    """Producer and consumer both come through the link; what comes twice is known by its number."""

    async def play() -> None:
        async with fronted.link(seed=7) as proxy:
            topic, work = await _topic(fronted.bootstrap), Order()
            producer = Producer(fronted.bootstrap, "test")
            async with _worked(fronted.bootstrap, topic, work):
                saying = asyncio.create_task(_say(producer, topic))
                await until(lambda: work.total > 0)
                await _spoil(proxy)
                assert not saying.done()
                await saying
                await until(lambda: work.whole, 60)
            await producer.stop()
            assert work.overlaps == 0
            assert all(numbers == list(range(EACH)) for numbers in work.first.values())

    asyncio.run(play())
