"""One organisation dead: what does it cost the others?

The real dispatch service delivers to several insurers under a steady load. In turns all are alive, and one of them
takes calls and never answers, which costs its caller more than a refusal. Compared is how long the others' commands
take, from the command on Kafka to the word of its delivery on Kafka: the 99th percentile of each pair of turns.

Turns in which all are alive are compared with one another as well: where they differ by more than the target allows,
this machine is too noisy to judge, and the table says so.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from adapters.organisations import ORGANISATIONS, Organisation
from contracts import topics
from services.bench import insurer
from services.bench.arithmetic import growth, noise, percentile
from services.bench.contest import Contender, Server, Told
from services.bench.figures import Found, Row, Target
from services.bench.follower import Follower, following
from services.bench.ground import Ground
from services.bench.messages import first_command
from services.runtime import topics as broker
from services.runtime.producer import Producer
from services.runtime.settings import Settings
from services.stack import credentials, ports
from services.stack.data import DataFolder
from services.stack.plan import importable, python
from services.stack.readiness import is_alive
from services.stack.running import Service

INSURERS: Final[tuple[Organisation, ...]] = tuple(one for one in ORGANISATIONS.values() if one.adapter == "insurer")
VICTIM: Final = INSURERS[0].id
OTHERS: Final = tuple(one.id for one in INSURERS[1:])
ANSWER_S: Final = 0.05
TARGET: Final = Target("≤", 0.05)
_P99: Final = 0.99
_LOOK_S: Final = 0.05
_DRAIN_S: Final = 90.0
_WHY: Final = {"reason": "bench: healed"}


@dataclass(frozen=True, slots=True)
class Size:
    """How many pairs of turns, how long a turn lasts, what of it is left out, and commands a second to each."""

    pairs: int = 7
    turn_s: float = 10.0
    settle_s: float = 2.0
    per_s: float = 40.0


@dataclass(slots=True)
class Load:
    """Commands sent so far: when each was sent, to whom, and how long it took once its delivery was told."""

    producer: Producer
    size: Size
    sent: dict[str, tuple[str, float]] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    async def turn(self, follower: Follower) -> float:
        """Send for one turn, wait until the others' commands are answered; the 99th percentile of how long it took."""
        loop = asyncio.get_running_loop()
        began, steps = loop.time(), int(self.size.turn_s * self.size.per_s)
        measured: list[str] = []
        async with asyncio.TaskGroup() as sending:
            for step in range(steps):
                await asyncio.sleep(began + step / self.size.per_s - loop.time())
                for one in INSURERS:
                    message = first_command(topics.commands(one.id).name, next(self._numbers))
                    self.sent[message.id] = (one.id, time.time())
                    sending.create_task(self.producer.send(message))
                    if one.id != VICTIM and step / self.size.per_s >= self.size.settle_s:
                        measured.append(message.id)
        await follower.until(lambda: self._told(follower, OTHERS))
        return percentile([self.took[id_] for id_ in measured], _P99)

    async def drained(self, follower: Follower) -> None:
        """Wait until nobody waits for anything."""
        await follower.until(lambda: self._told(follower, (VICTIM, *OTHERS)), _DRAIN_S)

    def _told(self, follower: Follower, of: tuple[str, ...]) -> bool:
        for one in follower.seen:
            delivery = json.loads(one.value)
            id_ = delivery["delivery_id"]
            if id_ in self.sent and delivery["state"] == "settled":
                self.took[id_] = one.at - self.sent[id_][1]
        follower.seen.clear()
        return all(id_ in self.took for id_, (organisation, _) in self.sent.items() if organisation in of)


@dataclass(frozen=True, slots=True)
class Turns:
    """The others' 99th percentiles, turn by turn: all alive, one dead, all alive, and so on to a last one alive."""

    alive: Sequence[float]
    dead: Sequence[float]

    @property
    def growth(self) -> float:
        """What the dead one cost the others."""
        return growth(list(zip(self.alive[:-1], self.dead, strict=True)))

    @property
    def noise(self) -> float:
        """What nothing at all cost them."""
        return noise(self.alive)

    @property
    def blurred(self) -> bool:
        """Whether turns alike differ so much that the growth says nothing; what is far beyond the noise says enough."""
        return self.noise > TARGET.bound >= self.growth - self.noise


def run(ground: Ground, tell: Told, size: Size | None = None) -> Found:
    """Measure the pairs one after another."""
    size = size or Size()
    tell("启动 / starting", 0.0)
    folder = DataFolder(ground.folder / "data")
    folder.create()
    credentials.ensure(folder)
    with Server("isolation", "server").up() as url:
        port = ports.choose(("dispatch",), {})["dispatch"]
        settings = Settings(data=folder.root, kafka=ground.kafka, dispatch_port=port, simulator_url=url)
        asyncio.run(broker.ensure(settings))
        with _dispatch(settings, folder) as dispatch:
            turns = asyncio.run(_turns(settings, dispatch, Switch(url), size, tell))
    return _found(turns, size)


@contextmanager
def _dispatch(settings: Settings, folder: DataFolder) -> Iterator[Service]:
    """The service itself, in a process of its own."""
    told = {
        "DATA": settings.data,
        "KAFKA": settings.kafka,
        "DISPATCH_PORT": settings.dispatch_port,
        "SIMULATOR_URL": settings.simulator_url,
    }
    clean = {name: value for name, value in importable().items() if not name.startswith("TONGCHE_")}
    environment = {**clean, **{f"TONGCHE_{name}": str(value) for name, value in told.items()}}
    log = folder.log("dispatch")
    with log.open("ab") as out:
        process = subprocess.Popen([python(), "-m", "services.dispatch"], env=environment, stdout=out, stderr=out)
    try:
        url = f"http://127.0.0.1:{settings.dispatch_port}"
        while not is_alive(url) and process.poll() is None:
            time.sleep(_LOOK_S)
        yield Service("dispatch", url, settings.secret().operator_token, str(log))
    finally:
        process.terminate()
        process.wait()


async def _turns(settings: Settings, dispatch: Service, switch: Switch, size: Size, tell: Told) -> Turns:
    producer = Producer(settings.kafka, "bench")
    await producer.start()
    alive, dead = [], []
    async with following(settings.kafka, [topics.DELIVERY_EVENTS]) as follower:
        load = Load(producer, size)
        await load.turn(follower)  # connections, caches
        for number in range(size.pairs):
            tell(f"{number + 1}/{size.pairs} 正常 / alive", number / size.pairs)
            alive.append(await load.turn(follower))
            tell(f"{number + 1}/{size.pairs} 一家中断 / one dead", (number + 0.5) / size.pairs)
            await asyncio.to_thread(switch.turn, dead=True)
            dead.append(await load.turn(follower))
            await asyncio.to_thread(switch.turn, dead=False)
            # It would be asked again by itself, but not at once.
            await asyncio.to_thread(dispatch.ask, "POST", f"/v1/organisations/{VICTIM}/resume", _WHY)
            await load.drained(follower)
        alive.append(await load.turn(follower))
    await producer.stop()
    return Turns(alive, dead)


def _found(turns: Turns, size: Size) -> Found:
    grown, scatter = round(turns.growth, 3), round(turns.noise, 3)
    rows = (
        _p99("全部正常时 p99，毫秒", "the others' p99 while all are alive, ms", turns.alive),
        _p99("一家中断时 p99，毫秒", "the others' p99 while one is dead, ms", turns.dead),
        Row("噪声：相邻正常轮之差", "noise: how much turns alike differ, median", scatter),
        Row("p99 增长", f"growth, median of {size.pairs} pairs", grown, TARGET, blurred=turns.blurred),
    )
    title = f"isolation: {size.pairs} pairs, {size.per_s:g}/s to each of {len(INSURERS)}"
    return Found(title, {"p99_growth": grown}, rows)


def _p99(zh: str, en: str, turns: Sequence[float]) -> Row:
    ordered = sorted(round(seconds * 1000) for seconds in turns)
    return Row(zh, en, ordered[len(ordered) // 2], None, f"{ordered}")


@dataclass(frozen=True, slots=True)
class Switch:
    """Makes the agencies' server hang for one organisation."""

    url: str

    def turn(self, *, dead: bool) -> None:
        """From now on."""
        Service("agencies", self.url, "", "").ask("PUT", "/", {"dead": [VICTIM] if dead else []})


async def server() -> dict[str, float]:
    """All insurers at one address: tells it, and serves until its standard input ends."""
    async with insurer.served(lambda _: ANSWER_S) as url:
        print(url, flush=True)  # noqa: T201 - for whoever started it
        await asyncio.to_thread(sys.stdin.read)
    return {}


CONTENDERS: Final[dict[str, Contender]] = {"server": server}
