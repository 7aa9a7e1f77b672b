"""The installation that a run spoils: a whole stack, our proxies on its links, and workers that come and go."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final

from services.chaos import database
from services.chaos.proxy import CLEAR, Proxy
from services.stack import credentials, jars, java, lifecycle, ports, processes, readiness, state
from services.stack.data import DataFolder
from services.stack.lifecycle import Launch
from services.stack.plan import importable, python, settings_of
from services.stack.processes import Identity
from services.stack.running import Running, Service, running
from services.stack.state import ChildState, Stack

_LOOK_S: Final = 0.25
_LEAVE_S: Final = 40.0
_OFFSET: Final = "TONGCHE_CLOCK_OFFSET_S"
_DATABASE: Final = "TONGCHE_DATABASE"


class Missed(Exception):
    """The fault found nothing to strike: its target was away already."""


@dataclass(slots=True)
class Ground:
    """One data folder and everything that runs on it. Made by `ground`."""

    folder: DataFolder
    links: Mapping[str, Proxy]
    """By name of the process behind; `postgresql` where there is one."""
    random: Random
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _lifting: asyncio.Task[Stack] | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def running(self) -> Running:
        return running(self.folder)

    @property
    def stack(self) -> Stack:
        """As its supervisor last wrote it."""
        stack = state.load(self.folder)
        if stack is None:
            raise Missed("nothing was started yet")
        return stack

    @property
    def agencies(self) -> Service:
        """The operators' door of the simulator, past the proxy before the agencies' own."""
        stack = self.running
        known = stack.service("simulator")
        return replace(known, url=f"http://127.0.0.1:{stack.stack.ports['simulator']}")

    async def up(self, offset_s: float | None = None) -> None:
        """Start it, or start what is missing of it. With an offset, everything starts anew, its clocks so far off."""
        async with self._starting:
            if offset_s is not None:
                os.environ[_OFFSET] = str(offset_s)
                await asyncio.to_thread(lifecycle.down, self.folder)
            aiming = asyncio.create_task(self._aim())
            self._lifting = asyncio.create_task(
                asyncio.to_thread(lifecycle.up, self.folder, self._launch(), lambda _: None)
            )
            try:
                await asyncio.shield(self._lifting)
            finally:
                aiming.cancel()

    def _launch(self) -> Launch:
        fronts = [f"--front={name}={link.port}" for name, link in self.links.items() if name != "postgresql"]
        return Launch(("-m", "services.stack", *fronts))

    async def _aim(self) -> None:
        """Point the links at the ports that the supervisor chose, as soon as it says which."""
        while True:
            stack = await asyncio.to_thread(state.load, self.folder)
            if stack is not None and stack.runs():
                for name in self.links.keys() & stack.ports.keys():
                    self.links[name].target = stack.ports[name]
            await asyncio.sleep(_LOOK_S)

    # -- processes

    def process(self, name: str) -> ChildState:
        """One that lives. Raises `Missed`."""
        stack = self.stack
        found = stack.supervisor if name == "supervisor" else stack.children.get(name)
        if found is None or not found.identity.is_alive():
            raise Missed(f"{name} is not there")
        return found

    def signal(self, name: str, number: signal.Signals) -> ChildState:
        """Send a signal to a process of the stack. Raises `Missed`."""
        found = self.process(name)
        os.kill(found.pid, number)
        return found

    async def until_replaced(self, name: str, before: ChildState) -> None:
        """Wait until another does its work."""
        while (now := self.stack.children.get(name)) is None or now.identity == before.identity:  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(_LOOK_S)

    # -- extra workers

    def worker(self) -> subprocess.Popen[bytes]:
        """One more dispatch, in a place of its own."""
        slot = len(self._workers) + 1
        name = f"dispatch-{slot}"
        told = {
            "DATA": str(self.folder.root),
            "KAFKA": self.stack.urls["kafka"],
            "SIMULATOR_URL": self.stack.urls["simulator"],
            "SLOT": str(slot),
            "DISPATCH_PORT": str(ports.choose((name,), {})[name]),
        }
        with self.folder.log(name).open("ab") as log:
            worker = subprocess.Popen(
                [python(), "-m", "services.dispatch"],
                env={**importable(), **{f"TONGCHE_{key}": value for key, value in told.items()}},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._workers.append(worker)
        return worker

    async def leave(self, worker: subprocess.Popen[bytes]) -> None:
        """Have a worker stop as it would by itself."""
        worker.send_signal(signal.SIGCONT)
        worker.terminate()
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(worker.wait, _LEAVE_S)
        self.end(worker)

    def end(self, worker: subprocess.Popen[bytes]) -> None:
        """`kill -9`, with whatever it started."""
        if worker.poll() is None:
            processes.kill_group(worker.pid)
            worker.wait()

    # -- the disk

    @contextmanager
    def disk_full(self, *names: str) -> Iterator[None]:
        """None of these processes can write another byte; what replaces one of them can."""
        victims = [self.process(name).identity for name in names]
        before = {one: resource.prlimit(one.pid, resource.RLIMIT_FSIZE) for one in victims}
        try:
            for one, (_, hard) in before.items():
                _limit(one, (0, hard))
            yield
        finally:
            for one, limits in before.items():
                _limit(one, limits)

    # -- healing

    async def heal(self) -> None:
        """Clear weather, no extra workers, nothing broken at any agency, everything up."""
        for link in self.links.values():
            link.turn(CLEAR)
        for worker in self._workers:
            if worker.poll() is None:
                await self.leave(worker)
        await self.up()
        await asyncio.to_thread(self.heal_agencies)

    def heal_agencies(self) -> None:
        """Take back every knob that was turned."""
        for organisation in self.agencies.ask("GET", "/_faults"):
            self.agencies.ask("DELETE", f"/_faults/{organisation}")

    async def until_ready(self) -> None:
        """Wait until every process says that it can do its work."""
        while await asyncio.to_thread(lambda: readiness.unready(self.stack)):  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(_LOOK_S)

    async def down(self) -> None:
        """End all of it; what is just being started, too."""
        if self._lifting is not None:
            await asyncio.wait({self._lifting})
        for worker in self._workers:
            self.end(worker)
        await asyncio.to_thread(lifecycle.down, self.folder)


@asynccontextmanager
async def ground(
    folder: DataFolder, random: Random, fetching: Callable[[list[jars.Jar]], jars.Report]
) -> AsyncIterator[Ground]:
    """A folder's whole stack behind proxies, up; ended at the end. The folder stays."""
    folder.create()
    credentials.ensure(folder)
    java.find()
    jars.ensure(fetching)
    before = {name: os.environ.get(name) for name in (_OFFSET, _DATABASE)}
    async with AsyncExitStack() as stack:
        links = {name: await stack.enter_async_context(proxy) for name, proxy in _proxies(folder.root, random)}
        if "postgresql" in links:
            os.environ[_DATABASE] = database.through(os.environ[_DATABASE], links["postgresql"])
        made = Ground(folder, links, random)
        try:
            await made.up()
            yield made
        finally:
            await made.down()
            for name, value in before.items():
                _put_back(name, value)


def _proxies(root: Path, random: Random) -> Iterator[tuple[str, Proxy]]:
    for name in ("kafka", "simulator", "intake"):
        yield name, Proxy("127.0.0.1", 0, random)
    url = settings_of(DataFolder(root)).database
    if url is not None:
        yield "postgresql", database.link(url, random)


def _put_back(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _limit(one: Identity, limits: tuple[int, int]) -> None:
    if one.is_alive():
        with suppress(ProcessLookupError):
            resource.prlimit(one.pid, resource.RLIMIT_FSIZE, limits)
