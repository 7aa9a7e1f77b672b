"""A service's face to the outside: its life from start to stop, its health, its metrics.

Crash-only: work that fails in a way nobody planned for ends the process, and the supervisor starts a new one,
which finds everything it needs in its store and on Kafka.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import uvicorn
import uvloop
from fastapi import Depends, FastAPI, Response
from fastapi.responses import JSONResponse

from observability import logs, metrics, tracing

from . import garbage, holdings, topics
from .clock import Clock
from .database import open_store
from .health import Health
from .holdings import Holding
from .ids import new_id
from .lanes import Lane, Lanes, Stuck, Work
from .loop import LoopWatch
from .operator import operator
from .outbox import Relay
from .poison import set_aside
from .producer import Producer
from .settings import Secrets, Settings
from .spans import SpanPost
from .sql import upsert
from .store import Store, StoreUnavailable
from .subscription import Subscription, TransactionalWork
from .tables import ledger

CRASHED: Final = 70
_FOR_WORK: Final = 0.6
"""Of the time that a stop may take: to finish what was begun. The rest is for saying goodbye to everybody."""

Build = Callable[["Runtime"], FastAPI]


@dataclass(slots=True)
class Runtime:
    """What a service is given to work with, and where it registers what it does."""

    service: str
    settings: Settings
    secrets: Secrets
    clock: Clock
    store: Store
    producer: Producer
    relay: Relay
    ids: Callable[[], str] = new_id
    slot: str = field(default_factory=lambda: os.environ.get("TONGCHE_SLOT", "0"))
    tasks: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    firsts: list[Callable[[], Awaitable[Any]]] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    health: Health = field(init=False)

    def __post_init__(self) -> None:
        self.health = Health.of(self.store, self.producer, self.relay, self.settings.wedged_s)

    def subscribe(self, subscription: Subscription, *, at_once: int = 256) -> None:
        """Follow topics from the service's start to its stop."""
        self.work(
            Lane(
                group=subscription.group,
                topics=tuple(subscription.topics),
                bootstrap=self.settings.kafka,
                slot=self.slot,
                at_once=at_once,
                session_s=self.settings.session_s,
            ),
            TransactionalWork(subscription, self.store, self.producer),
        )

    def work(self, lane: Lane, work: Work) -> Lanes:
        """Have lanes worked from the service's start to its stop."""
        lanes = Lanes(lane, work, partial(set_aside, self.producer))
        self.health.lanes.append(lanes)
        return lanes

    def holds(self, *tables: Holding, messages: frozenset[str]) -> None:
        """Say what its own tables hold of persons, and which fields the messages may carry that the runtime stores."""
        self.holdings += [*tables, *holdings.of_the_runtime(messages)]

    @property
    def lanes(self) -> Sequence[Lanes]:
        """Every consumer of this service."""
        return self.health.lanes

    def background(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a task beside the rest; if it raises, the process ends."""
        self.tasks[name] = run

    def first(self, wait: Callable[[], Awaitable[Any]]) -> None:
        """Consume nothing before this has come to pass."""
        self.firsts.append(wait)

    def closing(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have something closed after the work has stopped."""
        self.closers.append(close)


def run(service: str, build: Build, port: Callable[[Settings], int]) -> None:
    """Run a service until it is told to stop (exit 0) or something unplanned happens (exit 70)."""
    settings = Settings()
    logs.configure(service, settings.log_format)
    uvloop.run(_live(service, settings, build, port(settings)))


async def _live(service: str, settings: Settings, build: Build, port: int) -> None:
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(_opened(service, settings))
        app = build(runtime)
        _add_face(app, runtime)
        holdings.mount(app, runtime.store, runtime.secrets, runtime.holdings)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=settings.bind,
                port=port,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=3,
            )
        )
        garbage.tune()
        with LoopWatch(settings.blocked_s):
            failed = await _until_stopped(runtime, server)
    if failed:
        _end()


@asynccontextmanager
async def _opened(service: str, settings: Settings) -> AsyncIterator[Runtime]:
    store = await asyncio.to_thread(open_store, settings, service)
    store.start()
    producer = Producer(settings.kafka, f"tongche.{service}")
    relay = Relay(store, producer)
    store.on_commit = relay.told
    await relay.load()
    clock = settings.clock
    post = SpanPost(service, producer, clock, asyncio.get_running_loop())
    runtime = Runtime(service, settings, settings.secret(), clock, store, producer, relay)
    runtime.background("outbox", relay.run)
    runtime.background("spans", post.run)
    runtime.background("health", runtime.health.run)
    trace = tracing.configure(service, post.ship, settings.otlp)
    try:
        yield runtime
    finally:
        for close in runtime.closers:
            await close()
        await asyncio.to_thread(trace.shutdown)
        await post.flush()
        await producer.stop()
        await store.stop()


async def _until_stopped(runtime: Runtime, server: uvicorn.Server) -> bool:
    """Serve and work until a signal or a failure; whether it was a failure."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(_serve(server), name="http")
    working = [asyncio.create_task(_quiet(run()), name=name) for name, run in runtime.tasks.items()]
    consuming = asyncio.create_task(_consume(runtime), name="consumers")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    done, _ = await asyncio.wait({serving, *working, consuming, stopping}, return_when=asyncio.FIRST_COMPLETED)
    failed = stopping not in done
    for task in done - {stopping}:
        logs.get().error("crashed", task=task.get_name(), error=_told(task), exc_info=task.exception())
    _bounded(runtime.settings.stop_s)
    if not failed:
        await _wind_down(runtime, server, serving)
    for task in (stopping, consuming, *working):
        task.cancel()
    await asyncio.gather(consuming, *working, return_exceptions=True)
    return failed


async def _quiet(work: Awaitable[None]) -> None:
    await work


async def _serve(server: uvicorn.Server) -> None:
    # Without the context manager of `serve`, which would take the signals for itself.
    await server._serve()  # noqa: SLF001


async def _consume(runtime: Runtime) -> None:
    """Start the consumers once their topics are there, and all that must come first, and run them."""
    wanted = {topic for lanes in runtime.lanes for topic in lanes.lane.topics}
    if wanted:
        await topics.wait_for(runtime.settings, wanted)
    for wait in runtime.firsts:
        await wait()
    await _all(lanes.run() for lanes in runtime.lanes)
    await asyncio.Event().wait()


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(_endless(work))


async def _endless(work: Coroutine[Any, Any, None]) -> None:
    """Raises `Stuck` where it ends and nobody has asked it to: the service would go on without it, and seem well."""
    try:
        await work
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
    message = "a consumer ended by itself"
    raise Stuck(message)


async def _wind_down(runtime: Runtime, server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    """Take nothing more from anybody, then finish what was begun, then send what came of it."""
    server.should_exit = True
    try:
        async with asyncio.timeout(runtime.settings.stop_s * _FOR_WORK):
            await asyncio.wait({serving})
            await asyncio.gather(*(lanes.stop() for lanes in runtime.lanes))
            await runtime.relay.drained()
    except TimeoutError:
        logs.get().warning("stop_late", unsent=runtime.relay.unsent)


def _bounded(seconds: float) -> None:
    """From now on the process ends within this time, whatever hangs: nothing that it holds is not also elsewhere."""
    timer = threading.Timer(seconds, _cut_off, [seconds])
    timer.daemon = True
    timer.start()


def _cut_off(seconds: float) -> None:
    logs.get().error("stop_cut_off", seconds=seconds)
    _end()


def _end() -> None:
    sys.stdout.flush()
    os._exit(CRASHED)


def _told(task: asyncio.Task[Any]) -> str:
    error = task.exception()
    return type(error).__name__ if error else "ended"


def _described(runtime: Runtime) -> dict[str, Any]:
    # FastStream takes a second to import: who asks pays it, not the start of every service.
    from .asyncapi import document

    followed = frozenset(topic for lanes in runtime.lanes for topic in lanes.lane.topics)
    views = tuple(topics.views_of(runtime.settings)) if runtime.service == topics.PROJECTION else ()
    return document(runtime.service, runtime.settings.kafka, followed, views)


async def _touch(runtime: Runtime) -> None:
    """See whether the store can write again; without work coming in nobody else would find out."""
    row = {"consumer": "face", "id": "touch", "outputs": None, "at": runtime.clock.now().timestamp()}
    with suppress(StoreUnavailable):
        await runtime.store.run(lambda connection: upsert(connection, ledger, ["consumer", "id"], row))


def _add_face(app: FastAPI, runtime: Runtime) -> None:
    # Topics of subscribers are named for them: who subscribes to what is told to operators alone.
    asked_by = [Depends(operator(runtime.secrets))] if runtime.service == topics.PROJECTION else []

    @app.get("/asyncapi.json", include_in_schema=False, dependencies=asked_by)
    async def asyncapi() -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(_described, runtime))

    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"status": "alive", "service": runtime.service}

    @app.get("/ready", include_in_schema=False)
    async def ready(response: Response) -> dict[str, Any]:
        if not runtime.store.available:
            await _touch(runtime)
        missing = runtime.health.missing()
        response.status_code = 503 if missing else 200
        return {"ready": not missing, "missing": missing}

    @app.get("/metrics", include_in_schema=False)
    async def measured() -> Response:
        metrics.gauge("tongche_outbox_waiting", runtime.relay.unsent)
        for lanes in runtime.lanes:
            metrics.gauge("tongche_window_records", lanes.in_memory, group=lanes.lane.group)
        return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)
