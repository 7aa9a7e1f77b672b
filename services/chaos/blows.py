"""How each fault is dealt: what is wrong for as long as its context lasts, and how that part is mended after it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from random import Random
from typing import Final

from services.chaos import database
from services.chaos.proxy import CLEAR
from services.chaos.rig import Rig, Worker
from services.chaos.schedule import BROKER_ENDS, MISBEHAVIOURS, POSTGRESQL, SERVICES, Strike, weather_of
from services.runtime import topics
from services.runtime.producer import Producer
from services.runtime.record import Outgoing
from services.stack.installation import SUPERVISOR, Absent
from services.stack.trouble import TroubleError

_POISON_EVERY_S: Final = 0.25
_GARBAGE: Final = (b"\x00\xff\xfe garbage", b"", b"[" * 5_000, b"{}", b"null", b'{"vin": 1}')
_POISONED: Final = (".events", ".commands", "telemetry.spans")
_SHOWN_BY: Final = "projection"
"""Whose topics others read: what stands there beside views, no process of ours would ever set aside."""
_REPLACED_S: Final = 120.0
_JOINED_S: Final = 90.0
_POURED_S: Final = 120.0
_AWAKE_S: Final = 5.0
"""So long a woken worker is let be: it may do what it must not."""
_SKEWS_S: Final = (-3600.0, 0.0, 3600.0)

Blow = Callable[[Rig, Strike], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def kill(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """`kill -9`; a dead supervisor is replaced by whoever types `up`."""
    killed = rig.up.signal(strike.target, signal.SIGKILL)
    if strike.target == SUPERVISOR:
        await rig.lift()
    yield
    if strike.target != SUPERVISOR:
        await rig.up.until_replaced(strike.target, killed, _REPLACED_S)


@asynccontextmanager
async def stop(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """SIGTERM to one process, as by somebody who tidies up; the supervisor starts another."""
    stopped = rig.up.signal(strike.target, signal.SIGTERM)
    yield
    await rig.up.until_replaced(strike.target, stopped, _REPLACED_S)


@asynccontextmanager
async def broker(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """Kafka ends, in one way or the other; the supervisor starts it again."""
    ended = rig.up.signal(strike.target, signal.SIGKILL if strike.how == BROKER_ENDS[0] else signal.SIGTERM)
    yield
    await rig.up.until_replaced(strike.target, ended, _REPLACED_S)


@asynccontextmanager
async def freeze(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """SIGSTOP, and nobody wakes it: the supervisor has to find out."""
    frozen = rig.up.signal(strike.target, signal.SIGSTOP)
    yield
    await rig.up.until_replaced(strike.target, frozen, _REPLACED_S)


@asynccontextmanager
async def workers(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """Some more dispatches come at once, with clocks of their own, and go at once: every other of them is killed."""
    random = Random(strike.at_s)  # noqa: S311 - a repeatable run
    many = int(strike.how.split()[0])
    rig.make_sure_of_room(many)
    with ExitStack() as going:
        extra = [_started(rig, going, strike, offset_s=random.choice(_SKEWS_S)) for _ in range(many)]
        await _joined(extra)
        yield
        for one in extra[::2]:
            one.end()
        await asyncio.gather(*(one.leave() for one in extra[1::2]))


@asynccontextmanager
async def zombie(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """A worker that nobody supervises is frozen at work, loses its partitions, and wakes."""
    rig.make_sure_of_room(1)
    with ExitStack() as going:
        extra = _started(rig, going, strike)
        await _joined([extra])
        extra.process.send_signal(signal.SIGSTOP)
        yield
        extra.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(_AWAKE_S)
        await extra.leave()


def _started(rig: Rig, going: ExitStack, strike: Strike, *, offset_s: float = 0.0) -> Worker:
    """One more, which goes in any case: whoever stayed would be in the way of all that follows."""
    worker = rig.worker(session_s=strike.session_s, offset_s=offset_s)
    going.callback(worker.end)
    return worker


async def _joined(extra: Sequence[Worker]) -> None:
    """Wait until they all have their places. Raises `Absent`."""
    await asyncio.gather(*(one.until_joined(_JOINED_S) for one in extra))


@asynccontextmanager
async def link(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """Bad weather on one link."""
    proxy = rig.links[strike.target]
    proxy.turn(weather_of(strike))
    try:
        yield
    finally:
        proxy.turn(CLEAR)


@asynccontextmanager
async def agency(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """One organisation misbehaves."""
    await asyncio.to_thread(_ask_agency, rig, "PUT", strike.target, MISBEHAVIOURS[strike.how])
    yield
    # Where it is away at this moment, the healing takes the knob back.
    with suppress(Absent):
        await asyncio.to_thread(_ask_agency, rig, "DELETE", strike.target)


def _ask_agency(rig: Rig, method: str, organisation: str, knobs: Mapping[str, object] | None = None) -> None:
    try:
        rig.agencies.ask(method, f"/_faults/{organisation}", knobs)
    except TroubleError as away:
        raise Absent(str(away.en)) from away


@asynccontextmanager
async def poison(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """Bytes that are none of our messages on every kind of topic, among those that are."""
    arrived = asyncio.Event()
    pouring = asyncio.create_task(_pour(rig, strike, arrived))
    try:
        yield
        async with asyncio.timeout(_POURED_S):
            await arrived.wait()
    except TimeoutError:
        raise Absent(f"Kafka has taken nothing in {_POURED_S:.0f} s") from None
    finally:
        pouring.cancel()
        await asyncio.wait({pouring})


async def _pour(rig: Rig, strike: Strike, arrived: asyncio.Event) -> None:
    settings = rig.up.running.settings
    heard = (topic.name for topic in topics.topics_of(settings) if topic.owner != _SHOWN_BY)
    names = [name for name in heard if name.endswith(_POISONED)]
    random = Random(strike.at_s)  # noqa: S311 - a repeatable run
    producer = Producer(settings.kafka, "tongche.chaos")
    try:
        while True:
            headers = random.choice(((), (("ce_specversion", b"\xff"),)))
            garbage = Outgoing("", random.choice(names), random.choice(("", "key")), headers, random.choice(_GARBAGE))
            await producer.send(garbage)
            arrived.set()
            await asyncio.sleep(_POISON_EVERY_S)
    finally:
        await producer.stop()


@asynccontextmanager
async def disk(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """No room for another byte, for one process or for all of ours; or PostgreSQL lets nobody write."""
    if strike.target == POSTGRESQL:
        async with database.read_only(rig.database):
            yield
        return
    with rig.up.disk_full(*(SERVICES if strike.target == "all" else (strike.target,))):
        yield


@asynccontextmanager
async def clock(rig: Rig, strike: Strike) -> AsyncIterator[None]:
    """The machine starts again with its clock wrong, forwards or back."""
    await rig.lift(offset_s=float(strike.how.removesuffix(" s")))
    yield


BLOWS: Final[Mapping[str, Blow]] = {
    "kill": kill,
    "stop": stop,
    "broker": broker,
    "freeze": freeze,
    "workers": workers,
    "zombie": zombie,
    "link": link,
    "agency": agency,
    "poison": poison,
    "disk": disk,
    "clock": clock,
}
