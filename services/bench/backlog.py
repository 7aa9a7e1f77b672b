"""A million messages wait: does a worker that starts on them need more memory than one with hardly any?

The worker is dispatch's own deliveries with their ledger, to an agency inside the process. Two meet the backlog: one
that works it off as fast as it can, and one whose organisation is away, so that everything it has read ahead stays in
its memory. The larger of the two is compared.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.spec import Limits
from contracts import topics
from contracts.topics import COMMAND_PARTITIONS, PARTITIONS
from services.bench import insurer
from services.bench.contest import Contender, Entry, Told
from services.bench.counter import INSURER, Capacity, agency_at, opened
from services.bench.figures import Found, Row, Target
from services.bench.ground import Ground
from services.bench.memory import watched
from services.bench.messages import commands
from services.bench.stopwatch import Stopwatch

FULL: Final = "bench.backlog.full"
EMPTY: Final = "bench.backlog.empty"
_VEHICLES: Final = 20_000
_PARTS: Final = 20
_CAPACITY: Final = Capacity(Limits().concurrency, Limits().records)


@dataclass(frozen=True, slots=True)
class Size:
    """How many wait, how many make "hardly any", and for how long each worker is watched."""

    messages: int = 1_000_000
    few: int = 1_000
    seconds: float = 20.0


def run(ground: Ground, tell: Told, size: Size | None = None) -> Found:
    """Fill both topics, then watch three workers."""
    size = size or Size()
    ground.create(FULL, EMPTY, partitions=COMMAND_PARTITIONS)
    ground.create(topics.events(INSURER.adapter).name, topics.DELIVERY_EVENTS.name, partitions=PARTITIONS)
    ground.fill(commands(EMPTY, size.few, size.few))
    for part in range(_PARTS):
        tell(f"写入 / filling {size.messages}", 0.8 * part / _PARTS)
        ground.fill(commands(FULL, size.messages // _PARTS, _VEHICLES))
    measured = {}
    for number, (name, topic) in enumerate((("idle", EMPTY), ("working", FULL), ("held", FULL))):
        tell(f"内存 / memory: {name}", 0.8 + 0.2 * number / 3)
        given = {
            "kafka": ground.kafka,
            "group": f"backlog.{name}",
            "topic": topic,
            "folder": str(ground.folder / f"backlog.{name}"),
            "seconds": size.seconds,
            "held": name == "held",
        }
        measured[name] = Entry("backlog", "worker", given).run()
    return _found(measured, size)


def _found(measured: Mapping[str, dict[str, float]], size: Size) -> Found:
    idle, working, held = (measured[name]["rss_mb"] for name in ("idle", "working", "held"))
    growth = round(max(working, held) / idle - 1, 3)
    rows = (
        Row("积压为零时内存 MB", "resident with hardly any waiting, MB", round(idle, 1)),
        Row("办理积压时内存 MB", "resident while working them off, MB", round(working, 1)),
        Row("机构中断时内存 MB", "resident while the organisation is down, MB", round(held, 1)),
        Row("内存增长", "growth", growth, Target("<", 0.1), f"{measured['working']['handled']:.0f} handled meanwhile"),
    )
    return Found(f"backlog: {size.messages} messages wait", {"messages": size.messages, "rss_growth": growth}, rows)


async def worker(*, kafka: str, group: str, topic: str, folder: str, seconds: float, held: bool) -> dict[str, float]:  # noqa: PLR0913 - what a contender is given, by name
    """The most memory that a worker needed within so many seconds."""
    watch = Stopwatch(sys.maxsize)
    async with insurer.in_process(lambda _: 0.0, away=held) as http:
        opening = opened(
            kafka=kafka,
            name=group,
            topic=topic,
            folder=Path(folder),
            agency=agency_at("", http),
            capacity=_CAPACITY,
            finished=watch.count,
        )
        async with opening as running, watched() as peak:
            await asyncio.wait({running}, timeout=seconds)
            if running.done():
                running.result()
    return {"rss_mb": peak.rss_mb, "handled": watch.done}


CONTENDERS: Final[dict[str, Contender]] = {"worker": worker}
