"""`/ready` tells the truth, with the names of what is missing; what no waiting mends ends the process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.runtime import health
from services.runtime.database import open_store
from services.runtime.health import Health, Vital, Wedged, consuming, producing, relaying
from services.runtime.lanes import Lane, Lanes
from services.runtime.outbox import Relay
from services.runtime.producer import Producer
from services.runtime.settings import Settings
from services.runtime.store import Store
from tests.runtime.bench import outgoing
from tests.runtime.test_lanes import Notebook


@dataclass
class Broker:
    """Answers, or not."""

    there: bool = True
    asked: int = 0

    def answers(self, _: str) -> bool:
        self.asked += 1
        return self.there


@dataclass
class Ward:
    """A service's parts without a service."""

    store: Store
    producer: Producer = field(default_factory=lambda: Producer("nowhere:1", "test"))
    broker: Broker = field(default_factory=Broker)

    def health(self, wedged_s: float = 60) -> Health:
        health = Health.of(self.store, self.producer, Relay(self.store, self.producer), wedged_s)
        health.reachable = self.broker.answers
        return health


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(open_store(Settings(data=tmp_path), "dispatch"))


def _looked(vital: Vital, seconds: int) -> bool:
    began = vital._watchdog._looked_at or 0.0
    for second in range(seconds + 1):
        vital.look(began + second)
    return vital.still


def test_a_message_that_is_never_acknowledged_is_named(ward: Ward) -> None:
    """Others may come and go: it is the oldest that counts. Nothing waiting is no standstill."""
    vital = producing(ward.producer, "producer", limit_s=5)
    assert not _looked(vital, 9)
    ward.producer._under_way.update({1: None, 2: None})
    assert _looked(vital, 9)
    del ward.producer._under_way[1]
    assert not _looked(vital, 0)


def test_an_outbox_that_does_not_drain_is_named(ward: Ward) -> None:
    """What is stored and not sent counts, and each step forward begins the count anew."""
    relay = Relay(ward.store, ward.producer)
    vital = relaying(relay)
    relay._idle.set()
    assert not _looked(vital, 30)
    relay.told([outgoing("1")])
    assert _looked(vital, 30)
    relay.sent += 1
    assert not _looked(vital, 0)


def test_a_consumer_that_holds_records_and_finishes_none_is_named() -> None:
    """Unless the work knows why: an organisation that is down is no fault of ours."""

    @dataclass
    class Waiting(Notebook):
        excuse: bool = False

        def waits(self) -> bool:
            return self.excuse

    work = Waiting()
    lanes = Lanes(Lane("group", ("topic",), "nowhere:1"), work)
    vital = consuming(lanes)
    assert not _looked(vital, 40)
    lanes._window.records = 1
    assert _looked(vital, 40)
    work.excuse = True
    assert not _looked(vital, 40)


def test_what_is_counted_anew_is_not_still(ward: Ward) -> None:
    """While the broker is away nothing can be acknowledged; that time is not held against the producer."""
    ward.producer._under_way[1] = None
    vital = producing(ward.producer, "producer", 30.0)
    assert _looked(vital, 40)
    vital.again()
    assert not _looked(vital, 20)
    assert _looked(vital, 20)


def test_what_is_missing_has_a_name(ward: Ward) -> None:
    """A consumer without its place, a store that is away, a broker that is away, a loop that is late."""
    health = ward.health()
    health.lanes.append(Lanes(Lane("group", ("topic",), "nowhere:1"), Notebook()))
    ward.store._writable = False
    health.broker, health.lag_s = False, 7.0
    assert health.missing() == ["consumer group", "store", "broker", "loop"]
    health.lanes[0].ready.set()
    ward.store._writable = True
    health.broker, health.lag_s = True, 0.0
    assert health.missing() == []


def test_a_store_that_is_silent_for_long_ends_the_process(ward: Ward) -> None:
    """No error came and none will: a new process has a new connection."""

    async def play() -> None:
        ward.store.asked += 1
        with pytest.raises(ExceptionGroup) as ended:
            await ward.health(wedged_s=0.5).run()
        assert ended.group_contains(Wedged, match="store")

    asyncio.run(play())


def test_a_wedged_producer_ends_the_process_only_while_the_broker_is_there(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the broker away, a new process would find the same, and wait as well."""
    monkeypatch.setattr(health, "_BROKER_EVERY_S", 0.2)

    async def play() -> None:
        ward.producer._under_way[1] = None
        ward.broker.there = False
        watch = ward.health(wedged_s=0.5)
        running = asyncio.create_task(watch.run())
        while ward.broker.asked < 8:  # noqa: ASYNC110 - the question comes from a thread
            await asyncio.sleep(0.05)
        assert not running.done()
        assert watch.missing() == ["broker"]
        ward.broker.there = True
        with pytest.raises(ExceptionGroup) as ended:
            await running
        assert ended.group_contains(Wedged)

    asyncio.run(play())
