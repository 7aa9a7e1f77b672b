"""A slow agency, many calls in flight, the ledger on: how near dispatch comes to what the agency allows.

The agency answers after 200 ms on average, one in a hundred a second late. Once it lives in our own process, so that
only our work is measured; once it is an HTTP server in another process on the same cores, beside a bare loop of
aiokafka and aiohttp that makes the same calls: no ledger, order, commit, fence or gate, no word of a delivery.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from adapters.errors import Ambiguous, Unavailable
from contracts import topics
from contracts.topics import COMMAND_PARTITIONS, PARTITIONS
from services.bench import insurer
from services.bench.contest import Contender, Entry, Server, Told, medians
from services.bench.figures import Found, Row, Target
from services.bench.ground import Ground
from services.bench.memory import watched
from services.bench.messages import commands
from services.bench.stopwatch import Stopwatch
from services.bench.worker import INSURER, Capacity, agency_at, opened
from services.dispatch.calls import Agency
from services.dispatch.delivery import name_of
from services.runtime.record import Record, read

COMMANDS: Final = topics.commands(INSURER.id).name
EVENTS: Final = topics.events(INSURER.agency).name
_WARM_UP: Final = 0.25
_BEHIND: Final = 1.25
"""So many times the messages stand in the topic, so that the last that counts still has others beside it."""
_AHEAD: Final = 3
"""So many times the calls are read ahead: what waits for the ledger or for Kafka holds no call's place."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many calls at once, how many commands each contender carries out, and how often."""

    in_flight: int = 1_000
    messages: int = 30_000
    rounds: int = 3


def run(ground: Ground, tell: Told, size: Size | None = None) -> Found:
    """Let them run in turns, and take the median of each."""
    size = size or Size()
    tell("写入命令 / filling the topic", 0.0)
    ground.create(COMMANDS, partitions=COMMAND_PARTITIONS)
    ground.create(EVENTS, topics.DELIVERY_EVENTS.name, partitions=PARTITIONS)
    count = int(size.messages * _BEHIND) + size.in_flight
    ground.fill(commands(COMMANDS, count, count))
    rounds = []
    for number in range(size.rounds):
        with _serving() as url:
            rounds.append(_round(ground, url, number, size, tell))
    return _found(rounds, size)


@contextmanager
def _serving() -> Iterator[str]:
    with Server("agency", "server").up() as url:
        yield url


def _round(ground: Ground, url: str, number: int, size: Size, tell: Told) -> dict[str, float]:
    measured: dict[str, float] = {}
    for place, (name, address) in enumerate((("in_process", None), ("over_http", url), ("bare", url))):
        tell(f"{number + 1}/{size.rounds} {name}", (number + place / 3) / size.rounds)
        given = {
            "kafka": ground.kafka,
            "group": f"{name}.{number}",
            "messages": size.messages,
            "in_flight": size.in_flight,
            "folder": str(ground.folder / f"{name}.{number}"),
            "url": address,
        }
        found = Entry("agency", "bare" if name == "bare" else "dispatch", given).run()
        measured |= {f"{name}.{figure}": value for figure, value in found.items()}
    return measured


def _found(rounds: list[dict[str, float]], size: Size) -> Found:
    middle = medians(rounds)
    limit = size.in_flight / insurer.MEAN_S
    per_s, http, bare = (middle[f"{name}.per_s"] for name in ("in_process", "over_http", "bare"))
    rss = max(one[f"{name}.rss_mb"] for one in rounds for name in ("in_process", "over_http"))
    figures: dict[str, float | int | str] = {
        "in_flight": size.in_flight,
        "per_s": round(per_s),
        "limit_per_s": round(limit),
        "of_limit": round(per_s / limit, 3),
        "http_per_s": round(http),
        "http_bare_per_s": round(bare),
        "rss_mb": round(rss),
    }
    rows = (
        Row("机构上限每秒", "what the agency allows, per second", round(limit)),
        Row("进程内每秒", "agency in our process, per second", round(per_s)),
        Row("占上限", "of the limit", figures["of_limit"], Target("≥", 0.95)),
        Row("HTTP 每秒", "over HTTP, per second", round(http)),
        Row("HTTP 裸循环每秒", "a bare loop over HTTP, per second", round(bare)),
        Row("占裸循环", "of the bare loop", round(http / bare, 2), Target("≥", 0.85)),
        Row("内存 MB", "resident, MB", round(rss), Target("<", 250)),
        Row("每条 CPU 微秒", "our CPU for one, in process, µs", round(middle["in_process.cpu_us"])),
        Row("每条 CPU 微秒 (HTTP)", "our CPU for one, over HTTP, µs", round(middle["over_http.cpu_us"])),
        Row("每条 CPU 微秒 (裸)", "the bare loop's CPU for one, µs", round(middle["bare.cpu_us"])),
    )
    return Found(f"agency: {size.in_flight} in flight, median of {size.rounds} rounds", figures, rows)


# -- the contenders


async def dispatch(  # noqa: PLR0913 - what a contender is given, by name
    *, kafka: str, group: str, messages: int, in_flight: int, folder: str, url: str | None
) -> dict[str, float]:
    """Dispatch itself."""
    watch = Stopwatch(messages, _WARM_UP)
    capacity = Capacity(in_flight, in_flight * _AHEAD)
    async with _session(url) as http, watched() as peak:
        agency = agency_at(url or "", http)
        async with opened(
            kafka=kafka,
            name=group,
            topic=COMMANDS,
            folder=Path(folder),
            agency=agency,
            capacity=capacity,
            finished=watch.count,
        ) as running:
            measured = await watch.until_ended(running)
    return measured | {"rss_mb": peak.rss_mb}


async def bare(  # noqa: PLR0913 - as above
    *, kafka: str, group: str, messages: int, in_flight: int, folder: str, url: str
) -> dict[str, float]:
    """Fetch, decode, call, and send the answer: the same mapping and the same clients, and nothing else."""
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

    del folder
    watch, turns = Stopwatch(messages, _WARM_UP), asyncio.Semaphore(in_flight)
    consumer = AIOKafkaConsumer(
        COMMANDS, bootstrap_servers=kafka, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True, linger_ms=5, max_batch_size=262_144
    )

    async def carry(agency: Agency, raw: Any) -> None:
        try:
            event = await _asked(agency, raw)
        finally:
            turns.release()
        await (await producer.send(EVENTS, event.model_dump_json().encode(), key=raw.key))
        watch.count()

    async def loop(agency: Agency) -> None:
        async with asyncio.TaskGroup() as calls:
            while not watch.ended.is_set():
                for found in (await consumer.getmany(timeout_ms=100, max_records=500)).values():
                    for raw in found:
                        await turns.acquire()
                        calls.create_task(carry(agency, raw))

    async with consumer, producer, _session(url) as http:
        working = asyncio.create_task(loop(agency_at(url, http)))
        measured = await watch.until_ended(working)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return measured


async def _asked(agency: Agency, raw: Any) -> Any:
    command = read(Record(raw.topic, raw.partition, raw.offset, raw.key.decode(), tuple(raw.headers), raw.value))
    operation = agency.operation(name_of(command))
    assert operation is not None  # noqa: S101 - the bench's own command
    while True:
        # A busy machine lets a call time out now and then; who goes on at once loses least.
        with suppress(Unavailable, Ambiguous):
            return await agency.ask(operation, command, command.envelope.id, command.envelope.traceparent or "")


def _session(url: str | None) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
    if url is None:
        return insurer.in_process(insurer.patience)
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def server() -> dict[str, float]:
    """The agency over HTTP: tells its address, and serves until its standard input ends."""
    async with insurer.served(insurer.patience) as url:
        print(url, flush=True)  # noqa: T201 - for whoever started it
        await asyncio.to_thread(sys.stdin.read)
    return {}


CONTENDERS: Final[dict[str, Contender]] = {"dispatch": dispatch, "bare": bare, "server": server}
