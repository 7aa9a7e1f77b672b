"""How each fault is dealt: what is wrong for as long as its context lasts, and how that part is mended after it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Final

from services.chaos.ground import Ground, Missed
from services.chaos.proxy import CLEAR
from services.chaos.schedule import MISBEHAVIOURS, SERVICES, WEATHERS, Strike
from services.runtime import topics
from services.runtime.producer import Producer
from services.runtime.record import Outgoing
from services.stack.trouble import TroubleError

_POISON_EVERY_S: Final = 0.25
_GARBAGE: Final = (b"\x00\xff\xfe garbage", b"", b"[" * 5_000, b"{}", b"null", b'{"vin": 1}')
_POISONED: Final = (".events", ".commands", "telemetry.spans")

Blow = Callable[[Ground, Strike], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def kill(ground: Ground, strike: Strike) -> AsyncIterator[None]:
    """`kill -9`; a dead supervisor is replaced by whoever types `up`."""
    ground.signal(strike.target, signal.SIGKILL)
    if strike.target == "supervisor":
        await ground.up()
    yield


@asynccontextmanager
async def stop(ground: Ground, strike: Strike) -> AsyncIterator[None]:
    """SIGTERM to one process, as by somebody who tidies up; the supervisor starts another."""
    ground.signal(strike.target, signal.SIGTERM)
    yield


@asynccontextmanager
async def freeze(ground: Ground, strike: Strike) -> AsyncIterator[None]:
    """SIGSTOP, and nobody wakes it: the supervisor has to find out."""
    frozen = ground.signal(strike.target, signal.SIGSTOP)
    yield
    await ground.until_replaced(strike.target, frozen)


@asynccontextmanager
async def worker(ground: Ground, strike: Strike) -> AsyncIterator[None]:
    """One more dispatch joins the groups, works, and goes: partitions move twice."""
    extra = ground.worker()
    yield
    await (ground.leave(extra) if strike.how == "leaves" else asyncio.to_thread(ground.end, extra))


@asynccontextmanager
async def zombie(ground: Ground, strike: Strike) -> AsyncIterator[None]:
    """A worker that nobody supervises is frozen at work, loses its partitions, and wakes."""
    extra = ground.worker()
    await asyncio.sleep(_joined_s(strike))
    extra.send_signal(signal.SIGSTOP)
    yield
    extra.send_signal(signal.SIGCONT)
    await asyncio.sleep(_joined_s(strike))
    await ground.leave(extra)


def _joined_s(strike: Strike) -> float:
    """Long enough to have joined, be given partitions and be in the middle of something."""
    return max(8.0, strike.lasts_s / 6)


@asynccontextmanager
async def link(ground: Ground, strike: Strike) -> AsyncIterator[None]:
    """Bad weather on one link."""
    proxy = ground.links[strike.target]
    proxy.turn(WEATHERS[strike.how])
    try:
        yield
    finally:
        proxy.turn(CLEAR)


@asynccontextmanager
async def agency(ground: Ground, strike: Strike) -> AsyncIterator[None]:
    """One organisation misbehaves."""
    await asyncio.to_thread(_ask_agency, ground, "PUT", strike.target, MISBEHAVIOURS[strike.how])
    yield
    await asyncio.to_thread(_ask_agency, ground, "DELETE", strike.target)


def _ask_agency(ground: Ground, method: str, organisation: str, knobs: Mapping[str, object] | None = None) -> None:
    try:
        ground.agencies.ask(method, f"/_faults/{organisation}", knobs)
    except TroubleError as away:
        raise Missed(str(away.en)) from away


@asynccontextmanager
async def poison(ground: Ground, strike: Strike) -> AsyncIterator[None]:
    """Bytes that are none of our messages on every kind of topic, among those that are."""
    pouring = asyncio.create_task(_pour(ground, strike))
    try:
        yield
    finally:
        pouring.cancel()
        await asyncio.wait({pouring})


async def _pour(ground: Ground, strike: Strike) -> None:
    settings = ground.running.settings
    names = [topic.name for topic in topics.topics_of(settings) if topic.name.endswith(_POISONED)]
    random = Random(strike.at_s)  # noqa: S311 - a repeatable run
    producer = Producer(settings.kafka, "tongche.chaos")
    try:
        while True:
            headers = random.choice(((), (("ce_specversion", b"\xff"),)))
            garbage = Outgoing("", random.choice(names), random.choice(("", "key")), headers, random.choice(_GARBAGE))
            await producer.send(garbage)
            await asyncio.sleep(_POISON_EVERY_S)
    finally:
        await producer.stop()


@asynccontextmanager
async def disk(ground: Ground, strike: Strike) -> AsyncIterator[None]:
    """No room for another byte, for one process or for all of ours."""
    with ground.disk_full(*(SERVICES if strike.target == "all" else (strike.target,))):
        yield


@asynccontextmanager
async def clock(ground: Ground, strike: Strike) -> AsyncIterator[None]:
    """The machine starts again with its clock wrong, forwards or back."""
    await ground.up(offset_s=float(strike.how.removesuffix(" s")))
    yield


BLOWS: Final[Mapping[str, Blow]] = {
    "kill": kill,
    "stop": stop,
    "freeze": freeze,
    "worker": worker,
    "zombie": zombie,
    "link": link,
    "agency": agency,
    "poison": poison,
    "disk": disk,
    "clock": clock,
}
