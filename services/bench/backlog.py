"""A million messages wait: does a worker that starts on them need more memory than one with hardly any?

Two workers meet the backlog: one that works it off as fast as it can, and one whose organisation is down, so that
everything it has read ahead stays in its memory. The larger of the two is compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contracts.topics import COMMAND_PARTITIONS
from services.bench.contest import Contender, Entry, Told
from services.bench.figures import Found, Row, Target
from services.bench.ground import Ground
from services.bench.memory import watched
from services.bench.messages import commands
from services.runtime.lanes import Lanes
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Place, Record, read
from services.runtime.work import Lane

FULL: Final = "bench.backlog.full"
EMPTY: Final = "bench.backlog.empty"
OUT: Final = "bench.backlog.out"
_VEHICLES: Final = 20_000
_PARTS: Final = 20


@dataclass(frozen=True, slots=True)
class Size:
    """How many wait, how many make "hardly any", and for how long each worker is watched."""

    messages: int = 1_000_000
    few: int = 1_000
    seconds: float = 20.0


def run(ground: Ground, tell: Told, size: Size | None = None) -> Found:
    """Fill both topics, then watch three workers."""
    size = size or Size()
    ground.create(FULL, EMPTY, OUT, partitions=COMMAND_PARTITIONS)
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


@dataclass(slots=True)
class Worker:
    """Validates a message and passes it on; while it is held, it waits for its organisation."""

    producer: Producer
    held: bool
    handled: int = 0

    async def assigned(self, partitions: Collection[Place], generation: int) -> Collection[Place]:
        """All are ours."""
        del generation
        return partitions

    async def recall(self, records: Sequence[Record]) -> Mapping[str, Any]:
        """Nothing is remembered."""
        del records
        return {}

    async def handle(self, record: Record, known: Any | None) -> None:
        """One message."""
        del known
        message = read(record)
        if self.held:
            await asyncio.Event().wait()
        await self.producer.send(Outgoing(message.envelope.id, OUT, record.key, record.headers, record.value or b""))
        self.handled += 1

    def leaving(self, partitions: Collection[Place]) -> None:
        """Nothing is kept."""

    async def revoked(self, partitions: Collection[Place]) -> None:
        """Nothing is kept."""

    def waits(self) -> bool:
        """An organisation that is down would keep a new process waiting as well."""
        return self.held


async def worker(kafka: str, group: str, topic: str, seconds: float, *, held: bool) -> dict[str, float]:
    """The most memory that a worker needed within so many seconds."""
    producer = Producer(kafka, "bench")
    await producer.start()
    work = Worker(producer, held)
    running = asyncio.create_task(Lanes(Lane(group, (topic,), kafka), work).run())
    async with watched() as peak:
        await asyncio.wait({running}, timeout=seconds)
    if running.done():
        running.result()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await producer.stop()
    return {"rss_mb": peak.rss_mb, "handled": work.handled}


CONTENDERS: Final[dict[str, Contender]] = {"worker": worker}
