"""What all tests may ask for: a real Kafka, started once, and patience with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from services.stack import jars, java
from services.stack.broker import Broker
from services.stack.ports import choose

Until = Callable[..., Awaitable[None]]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of a real Kafka; tests use topics of their own names on it."""
    folder = tmp_path_factory.mktemp("kafka")
    ports = choose(("kafka", "controller"), {})
    broker = Broker(
        folder / "node",
        folder / "kafka.log",
        ports["kafka"],
        ports["controller"],
        java.find(),
        jars.ensure(jars.silently),
    )
    running = broker.start()
    try:
        running.wait_ready()
        yield broker.bootstrap
    finally:
        running.stop()


@pytest.fixture
def until() -> Until:
    """Wait for a fact, not for a time."""

    async def wait(fact: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not fact():
            assert time.monotonic() < deadline, f"did not come true in {seconds} s"
            await asyncio.sleep(0.02)

    return wait
