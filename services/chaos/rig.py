"""The installation that a run spoils: a whole stack, our proxies on its links, and workers that come and go."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from services.chaos import database
from services.chaos.proxy import CLEAR, Proxy
from services.chaos.schedule import LINKS, POSTGRESQL
from services.stack import jars, lifecycle, ports, processes, readiness, state
from services.stack.data import DataFolder
from services.stack.installation import Absent, Installation
from services.stack.lifecycle import Launch
from services.stack.plan import FILES, importable, python, settings_of
from services.stack.running import Service
from services.stack.state import Stack

_LOOK_S: Final = 0.25
_LEAVE_S: Final = 40.0
_MOST_WORKERS: Final = 4
"""A machine that cannot keep up shows nothing but that."""
_OFFSET: Final = "TONGCHE_CLOCK_OFFSET_S"
_DATABASE: Final = "TONGCHE_DATABASE"


@dataclass(frozen=True, slots=True)
class Worker:
    """One more dispatch, which nobody supervises."""

    name: str
    url: str
    process: subprocess.Popen[bytes]

    async def until_joined(self, within_s: float) -> None:
        """Wait until it has its places in all groups. Raises `Absent` where it has ended or does not get them."""
        try:
            async with asyncio.timeout(within_s):
                while not await asyncio.to_thread(readiness.is_ready, f"{self.url}/ready"):
                    if self.process.poll() is not None:
                        raise Absent(f"{self.name} ended with {self.process.returncode}")
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise Absent(f"{self.name} has not joined in {within_s:.0f} s") from None

    async def leave(self) -> None:
        """Have it stop as it would by itself."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self.process.wait, _LEAVE_S)
        self.end()

    def end(self) -> None:
        """`kill -9`, with whatever it started."""
        if self.process.poll() is None:
            processes.kill_group(self.process.pid)
            self.process.wait()


@dataclass(slots=True)
class Rig:
    """One installation and everything that can be done to it. Made by `rig`."""

    up: Installation
    links: Mapping[str, Proxy]
    """By name of the process behind; `postgresql` where there is one."""
    random: Random
    database: str = ""
    """The way to PostgreSQL past the link; empty where there is none."""
    _workers: list[Worker] = field(default_factory=list)
    _lifting: asyncio.Task[Stack] | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def agencies(self) -> Service:
        """The operators' door of the simulator, past the proxy before the agencies' own."""
        stack = self.up.running
        known = stack.service("simulator")
        return replace(known, url=f"http://127.0.0.1:{stack.stack.ports['simulator']}")

    async def lift(self, offset_s: float | None = None) -> None:
        """Start it, or start what is missing of it. With an offset, everything starts anew, its clocks so far off."""
        async with self._starting:
            if offset_s is not None:
                os.environ[_OFFSET] = str(offset_s)
                await asyncio.to_thread(lifecycle.down, self.up.folder)
            aiming = asyncio.create_task(self._aim())
            self._lifting = asyncio.create_task(
                asyncio.to_thread(lifecycle.up, self.up.folder, self._launch(), lambda _: None)
            )
            try:
                await asyncio.shield(self._lifting)
            finally:
                aiming.cancel()

    def _launch(self) -> Launch:
        fronts = [f"--front={name}={link.port}" for name, link in self.links.items() if name != POSTGRESQL]
        return Launch(("-m", "services.stack", *fronts))

    async def _aim(self) -> None:
        """Point the links at the ports that the supervisor chose, as soon as it says which."""
        while True:
            stack = await asyncio.to_thread(state.load, self.up.folder)
            if stack is not None and stack.runs():
                for name in self.links.keys() & stack.ports.keys():
                    self.links[name].target = stack.ports[name]
            await asyncio.sleep(_LOOK_S)

    # -- extra workers

    def make_sure_of_room(self, many: int) -> None:
        """See that so many more dispatches may come at once. Raises `Absent`."""
        if sum(one.process.poll() is None for one in self._workers) + many > _MOST_WORKERS:
            raise Absent(f"room for {many} more workers")

    def worker(self, *, session_s: float | None = None, offset_s: float = 0.0) -> Worker:
        """One more dispatch, in a place of its own, perhaps with a short session or a wrong clock."""
        slot = len(self._workers) + 1
        name = f"dispatch-{slot}"
        port = ports.choose((name,), {})[name]
        told = {
            "DATA": self.up.folder.root,
            "KAFKA": self.up.stack.urls["kafka"],
            "SIMULATOR_URL": self.up.stack.urls["simulator"],
            "SIMULATOR_SFTP_URL": f"sftp://{self.links[FILES].address}",
            "SLOT": slot,
            "DISPATCH_PORT": port,
            "CLOCK_OFFSET_S": offset_s,
            **({} if session_s is None else {"SESSION_S": session_s}),
        }
        with self.up.folder.log(name).open("ab") as log:
            process = subprocess.Popen(
                [python(), "-m", "services.dispatch"],
                env={**importable(), **{f"TONGCHE_{key}": str(value) for key, value in told.items()}},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        worker = Worker(name, f"http://127.0.0.1:{port}", process)
        self._workers.append(worker)
        return worker

    # -- healing

    async def heal(self) -> None:
        """Clear weather, no extra workers, nothing broken at any agency, everything up."""
        for link in self.links.values():
            link.turn(CLEAR)
        await asyncio.gather(*(worker.leave() for worker in self._workers if worker.process.poll() is None))
        await self.lift()
        await asyncio.to_thread(self.heal_agencies)

    def heal_agencies(self) -> None:
        """Take back every knob that was turned."""
        for organisation in self.agencies.ask("GET", "/_faults"):
            self.agencies.ask("DELETE", f"/_faults/{organisation}")

    async def down(self) -> None:
        """End all of it; what is just being started, too."""
        if self._lifting is not None:
            await asyncio.wait({self._lifting})
        for worker in self._workers:
            worker.end()
        await asyncio.to_thread(lifecycle.down, self.up.folder)


@asynccontextmanager
async def rig(
    folder: DataFolder, random: Random, fetching: Callable[[list[jars.Jar]], jars.Report]
) -> AsyncIterator[Rig]:
    """A folder's whole stack behind proxies, up; ended at the end. The folder stays."""
    lifecycle.prepare(folder, fetching, kafka=True)
    before = {name: os.environ.get(name) for name in (_OFFSET, _DATABASE)}
    direct = settings_of(folder).database
    async with AsyncExitStack() as stack:
        links = {name: await stack.enter_async_context(proxy) for name, proxy in _proxies(direct, random)}
        if direct is not None:
            os.environ[_DATABASE] = database.through(direct, links[POSTGRESQL])
        made = Rig(Installation(folder), links, random, direct or "")
        try:
            await made.lift()
            yield made
        finally:
            await made.down()
            for name, value in before.items():
                _put_back(name, value)


def _proxies(database_url: str | None, random: Random) -> Iterator[tuple[str, Proxy]]:
    for name in LINKS:
        yield name, Proxy("127.0.0.1", 0, random)
    if database_url is not None:
        yield POSTGRESQL, database.link(database_url, random)


def _put_back(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
