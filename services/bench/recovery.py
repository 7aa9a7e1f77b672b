"""`kill -9` of each of our processes under load: how long until its work flows again, and whether all came out right.

The whole stack carries sales from the door to the simulated agencies. One process after another is killed; its
supervisor starts a new one. Its work flows again when the new process has written about several vehicles (the console:
when it says that it is ready again). In the end every case ends, and the independent checker judges.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

from contracts import topics
from contracts.topics import Topic
from services.bench.arithmetic import percentile
from services.bench.contest import Told
from services.bench.figures import Found, Row, Target
from services.bench.follower import Follower, Seen, following
from services.bench.ground import Fetching
from services.publisher.careful import Pace, hand_in_steadily, invented
from services.publisher.door import Door
from services.stack import readiness
from services.stack.data import DataFolder
from services.stack.installation import Installation, installed
from services.stack.judge import Judge
from services.stack.state import KAFKA

OUTPUTS: Final[Mapping[str, Topic]] = {
    "intake": topics.SALE_EVENTS,
    "journey": topics.CASE_EVENTS,
    "dispatch": topics.DELIVERY_EVENTS,
    "projection": topics.to("tax-office", topics.SALE_EVENTS.name),
}
"""What each process alone writes; the subscriber is one of those of a fresh installation, and sees every sale."""
CONSOLE: Final = "console"
VICTIMS: Final = (*OUTPUTS, CONSOLE)
_PUBLISHER: Final = "platform"
_VEHICLES: Final = 5
"""So many must be written about before work is said to flow."""
_LOOK_S: Final = 0.05
_PATIENCE_S: Final = 300.0
_OPEN: Final = "open"


@dataclass(frozen=True, slots=True)
class Size:
    """Who is killed how often and what is left between kills, sales a second, and how long cases may take to end."""

    rounds: int = 5
    victims: tuple[str, ...] = VICTIMS
    pause_s: float = 2.0
    per_s: float = 5.0
    broker: bool = True
    patience_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Played:
    """Who was killed and how long each took to flow again, the broker's own time, and how many cases did not end."""

    kills: Sequence[tuple[str, float]]
    broker: float | None
    left: int


def run(fetching: Fetching, judge: Judge, tell: Told, size: Size | None = None) -> Found:
    """Start everything, kill, wait, judge."""
    size = size or Size()
    with tempfile.TemporaryDirectory(prefix="tongche-bench-") as name:
        folder = DataFolder(Path(name) / "data")
        with installed(folder, fetching, lambda parts: tell(f"启动 / starting: {', '.join(parts)}", 0.0)) as up:
            played = asyncio.run(_Course(up, size, tell).play())
            tell("核查 / checking", 0.98)
            verdict = judge(up.running).as_json()
    return _found(played, verdict)


def _found(played: Played, verdict: Mapping[str, Any]) -> Found:
    kills, broker = played.kills, played.broker
    times = [seconds for _, seconds in kills]
    p95 = round(percentile(times, 0.95), 2)
    each = [
        Row(f"杀 {name}，秒", f"kill {name}: median, s", round(median(of), 2), None, f"worst {max(of):.1f}")
        for name in VICTIMS
        if (of := [seconds for victim, seconds in kills if victim == name])
    ]
    rows = (
        *each,
        Row("全部 p95，秒", f"all {len(kills)} kills: p95, s", p95, Target("<", 5)),
        Row("Kafka 自身，秒", "the broker's own, s", "-" if broker is None else round(broker, 1), None, "apart"),
        Row("未办结", "cases still open", played.left),
        Row("核查", "checker", verdict["checker"]),
    )
    figures = {"kills": len(kills), "p95_s": p95, "checker": verdict["checker"]}
    return Found("recovery: kill -9 under load", figures, rows)


def firsts(seen: Iterable[Seen], topic: str, since: float, moment: Callable[[Seen], float]) -> list[float]:
    """When each vehicle was first written about after a moment, in order.

    By its writer's clock, which is ours: what the dead one had written is not counted.
    """
    written: dict[str, float] = {}
    for one in seen:
        if one.topic == topic and one.at > since:
            written[one.key] = min(moment(one), written.get(one.key, moment(one)))
    return sorted(written.values())


@dataclass(frozen=True, slots=True)
class _Course:
    up: Installation
    size: Size
    tell: Told

    async def play(self) -> Played:
        """Kill each in turn under load; then let all cases end."""
        async with following(self.up.stack.urls["kafka"], list(OUTPUTS.values())) as follower:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._publish(stop))
                await self._flows(follower, "dispatch", time.time())
                kills = [await self._killed(follower, number, name) for number, name in enumerate(self._plan)]
                broker = await self._broker_killed(follower) if self.size.broker else None
                stop.set()
            return Played(kills, broker, await self._ended())

    @property
    def _plan(self) -> list[str]:
        return [name for _ in range(self.size.rounds) for name in self.size.victims]

    async def _killed(self, follower: Follower, number: int, name: str) -> tuple[str, float]:
        self.tell(f"{number + 1}/{len(self._plan)} kill -9 {name}", 0.05 + 0.8 * number / len(self._plan))
        await asyncio.sleep(self.size.pause_s)
        self.up.signal(name, signal.SIGKILL)
        return name, await self._flows(follower, name, time.time())

    async def _broker_killed(self, follower: Follower) -> float:
        self.tell("kill -9 kafka", 0.87)
        self.up.signal(KAFKA, signal.SIGKILL)
        # Those who write live on, and wait with what they have written.
        return await self._flows(follower, "dispatch", time.time(), moment=lambda one: one.read)

    async def _flows(
        self, follower: Follower, name: str, since: float, moment: Callable[[Seen], float] = lambda one: one.at
    ) -> float:
        """How long until work flows again after that moment, which is that of a kill; `moment` of what is written."""
        if name == CONSOLE:
            while not await asyncio.to_thread(self._console_is_ready):  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(_LOOK_S)
            return time.time() - since
        topic = OUTPUTS[name].name
        follower.seen.clear()
        await follower.until(lambda: len(firsts(follower.seen, topic, since, moment)) >= _VEHICLES)
        return firsts(follower.seen, topic, since, moment)[_VEHICLES - 1] - since

    def _console_is_ready(self) -> bool:
        return CONSOLE not in readiness.unready(self.up.stack)

    async def _publish(self, stop: asyncio.Event) -> None:
        """Hand sales in at a steady pace until it is enough."""
        stack = self.up.running
        planned = invented(stack, _PUBLISHER, Random(7), 100_000)  # noqa: S311 - a repeatable load
        async with Door.of(stack, _PUBLISHER) as door:
            wanted = takewhile(lambda _: not stop.is_set(), planned)
            await hand_in_steadily(door, wanted, Pace(self.size.per_s, _PATIENCE_S))

    async def _ended(self) -> int:
        """Wait until no case is open, within our patience; how many still are.

        What a kill interrupted may be parked for minutes: that is no fault, and the checker knows it from one.
        """
        self.tell("等待办结 / until all cases have ended", 0.9)
        console = self.up.running.service("console")
        deadline = time.monotonic() + self.size.patience_s
        while True:
            left = int((await asyncio.to_thread(console.ask, "GET", "/api/status"))["cases"][_OPEN])
            if not left or time.monotonic() > deadline:
                return left
            await asyncio.sleep(_LOOK_S * 10)
