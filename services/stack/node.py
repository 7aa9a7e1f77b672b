"""A Kafka node for as long as somebody needs one: for benches and tests, beside any installation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from services.stack import jars, java
from services.stack.broker import Broker
from services.stack.ports import choose


@contextmanager
def kafka(
    folder: Path, fetching: Callable[[list[jars.Jar]], jars.Report] = jars.silently, *, fronted: bool = False
) -> Iterator[Broker]:
    """One that serves, on free ports; stopped afterwards. The folder stays.

    A fronted one tells its clients another port than it listens on, for something that shall stand between.
    """
    ports = choose(("kafka", "controller", *(("front",) if fronted else ())), {})
    broker = Broker(
        folder / "node",
        folder / "kafka.log",
        ports["kafka"],
        ports["controller"],
        java.find(),
        jars.ensure(fetching),
        front=ports.get("front"),
    )
    running = broker.start()
    try:
        running.wait_ready()
        yield broker
    finally:
        running.stop()
