"""A million messages wait: does a worker need more memory than the same worker with a thousand waiting?

The worker is dispatch's own deliveries with their ledger, to an agency inside the process. Compared is like with like,
once while both work off the same number at the same rate (behind one of them a million wait, the other is fed what it
finishes), and once while the organisation of both is away, so that all they have read ahead stays in their memory. A
busy worker beside an idle one would show what it costs to be busy. The larger growth counts.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from adapters.spec import Limits
from contracts import topics
from contracts.topics import COMMAND_PARTITIONS, PARTITIONS
from services.bench import insurer
from services.bench.contest import Contender, Entry, Told
from services.bench.figures import Found, Row, Target
from services.bench.follower import Follower, following
from services.bench.ground import Ground
from services.bench.memory import watched
from services.bench.messages import commands
from services.bench.stopwatch import Stopwatch
from services.bench.worker import INSURER, Capacity, agency_at, opened
from services.runtime.producer import Producer
from services.runtime.record import Outgoing

FULL: Final = "bench.backlog.full"
FED: Final = "bench.backlog.fed"
FEW: Final = "bench.backlog.few"
_VEHICLES: Final = 20_000
_PARTS: Final = 20
_FILLING: Final = 0.4
"""The share of a run that is over when the topics are filled."""
_CAPACITY: Final = Capacity(Limits().concurrency, Limits().records)


@dataclass(frozen=True, slots=True)
class Size:
    """How many wait, how many make "few"; how many each worker works off, how many a second; how long it is held."""

    messages: int = 1_000_000
    few: int = 1_000
    worked_off: int = 12_000
    per_s: float = 500.0
    held_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Run:
    """One worker: which topic it reads, and whether its organisation is away."""

    name: str
    topic: str
    held: bool


RUNS: Final = (
    Run("fed", FED, held=False),
    Run("working", FULL, held=False),
    Run("held-few", FEW, held=True),
    Run("held", FULL, held=True),
)


def run(ground: Ground, tell: Told, size: Size | None = None) -> Found:
    """Fill the topics, then watch four workers one after another."""
    size = size or Size()
    ground.create(FULL, FED, FEW, partitions=COMMAND_PARTITIONS)
    ground.create(topics.events(INSURER.agency).name, topics.DELIVERY_EVENTS.name, partitions=PARTITIONS)
    ground.fill(commands(FEW, size.few, _VEHICLES))
    more = commands(FED, sys.maxsize, _VEHICLES)
    ground.fill(islice(more, size.few))
    many = commands(FULL, size.messages, _VEHICLES)
    for part in range(_PARTS):
        tell(f"写入 / filling {size.messages}", _FILLING * part / _PARTS)
        ground.fill(islice(many, -(-size.messages // _PARTS)))
    measured = {}
    for number, one in enumerate(RUNS):
        tell(f"内存 / memory: {one.name}", _FILLING + (1 - _FILLING) * number / len(RUNS))
        entry = _entry(ground, one, size)
        measured[one.name] = asyncio.run(_fed(ground.kafka, entry, more)) if one.topic == FED else entry.run()
    return _found(measured, size)


def _entry(ground: Ground, one: Run, size: Size) -> Entry:
    given = {
        "kafka": ground.kafka,
        "group": f"backlog.{one.name}",
        "topic": one.topic,
        "folder": str(ground.folder / f"backlog.{one.name}"),
        "worked_off": min(size.worked_off, size.messages),
        "per_s": size.per_s,
        "held_s": size.held_s if one.held else None,
    }
    return Entry("backlog", "worker", given)


async def _fed(kafka: str, entry: Entry, more: Iterator[Outgoing]) -> dict[str, float]:
    """Run a worker, and put behind those that wait as many as it finishes."""
    producer = Producer(kafka, "bench")
    await producer.start()
    async with following(kafka, [topics.DELIVERY_EVENTS]) as follower:
        working = asyncio.create_task(asyncio.to_thread(entry.run))
        feeding = asyncio.create_task(_feed(producer, follower, more))
        await asyncio.wait({working, feeding}, return_when=asyncio.FIRST_COMPLETED)
        if feeding.done():
            feeding.result()
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
    await producer.stop()
    return await working


async def _feed(producer: Producer, follower: Follower, more: Iterator[Outgoing]) -> None:
    while True:
        await follower.until(lambda: bool(follower.seen))
        finished = len(follower.seen)
        follower.seen.clear()
        await producer.send_all(list(islice(more, finished)))


def _found(measured: Mapping[str, dict[str, float]], size: Size) -> Found:
    working, held = _growth(measured["fed"], measured["working"]), _growth(measured["held-few"], measured["held"])
    growth = max(working, held)
    rows = (
        Row("空载内存 MB", "resident before the first message, MB", _mb(measured["fed"], "first_mb")),
        _resident("同速办理", "worked off and fed", size.few, measured["fed"]),
        _resident("同速办理", "worked off", size.messages, measured["working"]),
        Row("办理时内存增长", "growth while working", working),
        _resident("机构中断", "held", size.few, measured["held-few"]),
        _resident("机构中断", "held", size.messages, measured["held"]),
        Row("机构中断时内存增长", "growth while held", held),
        Row("内存增长", "growth, the larger", growth, Target("<", 0.1)),
    )
    return Found(f"backlog: {size.messages} messages wait", {"messages": size.messages, "rss_growth": growth}, rows)


def _growth(few: Mapping[str, float], many: Mapping[str, float]) -> float:
    return round(many["rss_mb"] / few["rss_mb"] - 1, 3)


def _resident(zh: str, en: str, waiting: int, found: Mapping[str, float]) -> Row:
    note = f"{found['handled']:.0f} handled"
    return Row(f"{waiting} 条等待，{zh}，MB", f"{waiting} wait, {en}, MB", _mb(found, "rss_mb"), None, note)


def _mb(found: Mapping[str, float], figure: str) -> float:
    return round(found[figure], 1)


async def worker(  # noqa: PLR0913 - what a contender is given, by name
    *, kafka: str, group: str, topic: str, folder: str, worked_off: int, per_s: float, held_s: float | None
) -> dict[str, float]:
    """The most memory that a worker needed while it worked off so many, or was held for so long, if that is given."""
    watch = Stopwatch(worked_off)
    async with insurer.in_process(lambda _: 0.0, away=held_s is not None) as http:
        opening = opened(
            kafka=kafka,
            name=group,
            topic=topic,
            folder=Path(folder),
            agency=agency_at("", http),
            capacity=replace(_CAPACITY, per_second=per_s),
            finished=watch.count,
        )
        async with opening as running, watched() as peak:
            if held_s is None:
                await watch.until_ended(running)
            else:
                await asyncio.wait({running}, timeout=held_s)
                if running.done():
                    running.result()
    return {"rss_mb": peak.rss_mb, "first_mb": peak.first_mb, "handled": watch.done}


CONTENDERS: Final[dict[str, Contender]] = {"worker": worker}
