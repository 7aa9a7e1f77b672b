"""The link to Kafka in every weather: what is sent arrives, what arrives is worked on, each key in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.chaos.proxy import CLEAR, Proxy
from services.chaos.schedule import WEATHERS, outlasting
from services.runtime import commits as commits_module
from services.runtime import consumer as consumer_module
from services.runtime import producer as producer_module
from services.runtime.lanes import Lane, Lanes
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Record
from services.runtime.work import Stuck
from tests.faults.conftest import Fronted
from tests.runtime.test_lanes import Notebook

KEYS = 10
EACH = 120
BAD_S = 0.3
"""Shorter than every time-out of ours: the weather passes, and what it held arrives late."""
CLEAR_S = 0.1
QUICK_S = 1.0
"""Of every time-out of ours on this link, made short."""
LONG_S = 1.5 * QUICK_S
"""Longer than all of them."""


@dataclass
class Order(Notebook):
    """Keeps each key's numbers as they came for the first time."""

    first: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    restarts: int = 0

    async def handle(self, record: Record, known: Any | None) -> None:
        await super().handle(record, known)
        if self.seen[record.key][-1] not in self.first[record.key]:
            self.first[record.key].append(self.seen[record.key][-1])

    @property
    def whole(self) -> bool:
        return self.heard(EACH)

    def heard(self, each: int) -> bool:
        """Whether so many numbers of every key have come."""
        return sum(map(len, self.first.values())) == KEYS * each


async def _topic(bootstrap: str) -> str:
    name = f"link.{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 4, 1)])
    await admin.close()
    return name


async def _say(producer: Producer, topic: str, number: int) -> None:
    said = str(number).encode()
    await producer.send_all([Outgoing(f"{key}-{number}", topic, f"key{key}", (), said) for key in range(KEYS)])


async def _say_all(producer: Producer, topic: str) -> None:
    for number in range(EACH):
        await _say(producer, topic, number)
        await asyncio.sleep(0.04)


@asynccontextmanager
async def _worked(bootstrap: str, topic: str, work: Order) -> AsyncIterator[None]:
    """As by a supervisor who starts anew whoever says that only this helps."""
    working = asyncio.create_task(_again_and_again(bootstrap, topic, work))
    try:
        yield
        assert not working.done(), working.result()
    finally:
        working.cancel()
        await asyncio.wait({working})


async def _again_and_again(bootstrap: str, topic: str, work: Order) -> None:
    group = uuid.uuid4().hex
    while True:
        lanes = Lanes(Lane(group, (topic,), bootstrap, at_once=16, session_s=6.0, drain_s=QUICK_S), work)
        try:
            await lanes.run()
        except* Stuck:
            work.restarts += 1


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
                saying = asyncio.create_task(_say_all(producer, topic))
                await until(lambda: work.total > 0)
                await _spoil(proxy)
                assert not saying.done()
                await saying
                await until(lambda: work.whole, 60)
            await producer.stop()
            assert work.overlaps == 0
            assert all(numbers == list(range(EACH)) for numbers in work.first.values())

    asyncio.run(play())


@dataclass
class Impatient(Producer):
    """Counts how often it lost patience."""

    lost: int = 0

    async def _throw_away(self, inner: Any) -> None:
        self.lost += 1
        await super()._throw_away(inner)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    # What is logged is kept with the errors in it, and with all that they hold.
    caplog.set_level(logging.CRITICAL, "aiokafka")
    for module in (producer_module, consumer_module):
        monkeypatch.setattr(module, "REQUEST_S", QUICK_S)
    monkeypatch.setattr(commits_module, "COMMIT_S", QUICK_S)


@pytest.mark.usefixtures("_quick")
def test_weather_that_outlasts_every_time_out_loses_nothing(fronted: Fronted, until: Any) -> None:
    """Whoever gave up says it again on a new connection; each squall is over when what was said in it has come."""

    async def play() -> None:
        async with fronted.link(seed=7) as proxy:
            topic, work = await _topic(fronted.bootstrap), Order()
            producer = Impatient(fronted.bootstrap, "test", ack_s=QUICK_S)
            async with _worked(fronted.bootstrap, topic, work):
                await _say(producer, topic, 0)
                await until(lambda: work.heard(1))
                for number, weather in enumerate(outlasting(QUICK_S).values(), start=1):
                    proxy.turn(weather)
                    lost, saying = producer.lost, asyncio.create_task(_say(producer, topic, number))
                    await asyncio.sleep(LONG_S)
                    assert not saying.done()
                    proxy.turn(CLEAR)
                    await saying
                    await until(lambda: work.heard(number + 1), 60)  # noqa: B023 - waited for here
                    assert producer.lost > lost, weather
            await producer.stop()
            assert work.overlaps == 0
            assert all(numbers == sorted(numbers) for numbers in work.first.values())

    asyncio.run(play())
    # What aiokafka's abandoned commits complain of is said now, and not in the middle of another test.
    gc.collect()
