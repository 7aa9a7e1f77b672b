"""The one process that outlives the command line: it starts everything, replaces what dies or hangs, and stops it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import structlog

from services.runtime.broker import serves
from services.stack import jars, java, processes, readiness, state
from services.stack.broker import Broker
from services.stack.child import Child, Command, pauses
from services.stack.locks import FileLock
from services.stack.plan import SUPERVISED, Plan, Service, Wiring, python, wire
from services.stack.processes import Identity
from services.stack.state import KAFKA, ChildState, Stack
from services.stack.trouble import TroubleError

_TAKEOVER_GRACE = 5.0
_KAFKA_GRACE = 15.0
_KAFKA_HANGS = 60.0
"""Seconds. To start a broker anew costs everybody ten or more, and its pauses are longer than ours."""
_LOCK_WITHIN = 2.0
_LOOK_EVERY = 0.05

log = structlog.wrap_logger(
    structlog.PrintLogger(sys.stderr),
    processors=[structlog.processors.TimeStamper(fmt="iso"), structlog.processors.JSONRenderer(ensure_ascii=False)],
)


def supervise(plan: Plan) -> None:
    """Run until told to stop by a signal. Only one supervisor a data folder: a second one is a trouble."""
    with _sole(plan):
        take_over(plan)
        asyncio.run(_Supervisor(plan).run())


def take_over(plan: Plan) -> None:
    """End what a killed supervisor left running: those that call services first, the broker last.

    It may have been killed before it could write down whom it had just started; that one is known by its environment.
    """
    before = state.load(plan.folder)
    if before is None:
        return
    services = [child.identity for name, child in before.children.items() if name != KAFKA]
    processes.end(services, min(plan.grace, _TAKEOVER_GRACE))
    if KAFKA in before.children:
        processes.end([before.children[KAFKA].identity], _KAFKA_GRACE)
    processes.end(processes.marked(SUPERVISED, str(plan.folder.root)), min(plan.grace, _TAKEOVER_GRACE))


@contextmanager
def _sole(plan: Plan) -> Iterator[None]:
    lock = plan.folder.supervisor
    if not _taken(lock):
        raise TroubleError(
            f"{plan.folder.root} 已经在运行",
            f"{plan.folder.root} is already running",
            fix="tongche status, tongche down",
        )
    try:
        yield
    finally:
        lock.release()


def _taken(lock: FileLock) -> bool:
    # Whoever only looks holds it for a moment.
    deadline = time.monotonic() + _LOCK_WITHIN
    while not lock.take():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_EVERY)
    return True


class _Supervisor:
    def __init__(self, plan: Plan) -> None:
        before = state.load(plan.folder)
        self._plan = plan
        self._wiring = wire(plan, before.ports if before else {})
        self._children: list[Child] = []
        self._stop = asyncio.Event()
        self._stack = _fresh(plan, self._wiring)

    async def run(self) -> None:
        self._save()
        async with self._stopping_on_signals():
            try:
                await self._start_all()
            finally:
                await self._stop_all()

    async def _start_all(self) -> None:
        # The services load while the broker does; they wait for it, and for its topics, by themselves.
        kafka = asyncio.create_task(asyncio.to_thread(self._kafka)) if self._wiring.embedded_kafka else None
        keepers = [await self._start(self._command(service)) for service in self._plan.services]
        if kafka is not None:
            keepers.append(await self._start(await kafka))
        topics = asyncio.create_task(self._ensure_topics(), name="topics")
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        pending: set[asyncio.Task[Any]] = {stop, topics, *keepers}
        while not stop.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                # A keeper never ends by itself: what it raised is a fault of ours, and must not pass in silence.
                task.result()
        topics.cancel()

    async def _start(self, command: Command) -> asyncio.Task[None]:
        child = Child(command, self._changed, self._failed, self._hung)
        self._children.append(child)
        return await child.start()

    def _command(self, service: Service) -> Command:
        return Command(
            name=service.name,
            argv=(python(), *service.arguments),
            environment=self._wiring.environment(),
            port=self._wiring.ports[service.name],
            log=self._plan.folder.log(service.name),
            grace=self._plan.grace,
            alive=partial(readiness.is_alive, self._wiring.url(service)),
            hang_s=self._plan.hang_s,
        )

    def _kafka(self) -> Command:
        folder, ports = self._plan.folder, self._wiring.ports
        broker = Broker(
            folder=folder.kafka,
            log=folder.log(KAFKA),
            port=ports["kafka"],
            controller_port=ports["controller"],
            java=java.find(),
            classpath=jars.ensure(jars.silently),
            front=self._plan.fronts.get(KAFKA),
        )
        broker.prepare()
        return Command(
            KAFKA,
            broker.command,
            self._wiring.environment(),
            broker.port,
            broker.log,
            grace=_KAFKA_GRACE,
            # Asked directly: what stands before it may be cut off while it is well.
            alive=partial(serves, broker.bootstrap),
            hang_s=max(self._plan.hang_s, _KAFKA_HANGS),
        )

    async def _ensure_topics(self) -> None:
        settings = self._wiring.settings
        self._stack.trouble = f"kafka: {settings.kafka} does not answer"
        self._save()
        while not await asyncio.to_thread(serves, settings.kafka):  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(_LOOK_EVERY)
        log.info("kafka.ready", bootstrap=settings.kafka)
        waits = pauses()
        while (trouble := await self._trouble_with_topics()) is not None:
            self._stack.trouble = trouble
            self._stack.topics_refused += 1
            self._save()
            await asyncio.sleep(next(waits))
        log.info("topics.ready")
        self._stack.trouble, self._stack.topics_refused = None, 0
        self._stack.phase = "running"
        self._save()

    async def _trouble_with_topics(self) -> str | None:
        try:
            await self._plan.ensure_topics(self._wiring.settings)
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is shown to the person, and tried again
            log.warning("topics.failed", problem=repr(problem))
            return f"topics: {problem!r}"
        return None

    def _changed(self, name: str, child: ChildState) -> None:
        log.info("child.started", name=name, pid=child.pid, restarts=child.restarts, last_exit=child.last_exit)
        self._stack.children[name] = child
        self._save()

    def _hung(self, name: str, seconds: float) -> None:
        log.error("child.hung", name=name, silent_s=seconds)

    def _failed(self, name: str, problem: OSError) -> None:
        log.error("child.failed", name=name, problem=repr(problem))

    def _save(self) -> None:
        self._stack.save(self._plan.folder)

    async def _stop_all(self) -> None:
        self._stack.phase = "stopping"
        self._save()
        for child in self._stopping_order():
            await child.stop()
            log.info("child.stopped", name=child.command.name)
            self._stack.children.pop(child.command.name, None)
        self._stack.phase = "stopped"
        self._stack.supervisor = None
        self._save()

    def _stopping_order(self) -> list[Child]:
        # The reverse of the starting order; the broker last, whenever it was started.
        services = [child for child in self._children if child.command.name != KAFKA]
        return services[::-1] + [child for child in self._children if child.command.name == KAFKA]

    @asynccontextmanager
    async def _stopping_on_signals(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        for number in signals:
            loop.add_signal_handler(number, self._stop.set)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


def _fresh(plan: Plan, wiring: Wiring) -> Stack:
    me = Identity.of(os.getpid())
    return Stack(
        phase="starting",
        data=str(plan.folder.root),
        logs=str(plan.folder.logs),
        ports=dict(wiring.ports),
        urls=wiring.urls(plan.services),
        ready={service.name: wiring.url(service) + "/ready" for service in plan.services},
        supervisor=ChildState(pid=me.pid, started=me.started, port=0, log=str(plan.folder.log("supervisor"))),
    )
