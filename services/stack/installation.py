"""A whole installation as whoever starts it or hurts it sees it: up and down, and its processes by name."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from services.stack import jars, lifecycle, readiness, state
from services.stack.data import DataFolder
from services.stack.lifecycle import Launch, Progress
from services.stack.processes import Identity
from services.stack.running import Running, running
from services.stack.state import ChildState, Stack
from services.stack.trouble import TroubleError

SUPERVISOR: Final = "supervisor"
_LOOK_S: Final = 0.1


class Absent(Exception):
    """A process of this name is not there at this moment."""


class NeverBack(Exception):
    """What should have come back by itself did not, within all patience."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything that runs on one data folder."""

    folder: DataFolder

    @property
    def running(self) -> Running:
        """Its addresses and its services. Raises `TroubleError` where nobody supervises it."""
        return running(self.folder)

    @property
    def stack(self) -> Stack:
        """As its supervisor last wrote it."""
        stack = state.load(self.folder)
        if stack is None:
            raise TroubleError("没有在运行", "nothing runs", fix="tongche up")
        return stack

    def process(self, name: str) -> ChildState:
        """One that lives. Raises `Absent`."""
        stack = self.stack
        found = stack.supervisor if name == SUPERVISOR else stack.children.get(name)
        if found is None or not found.identity.is_alive():
            raise Absent(f"{name} is not there")
        return found

    def signal(self, name: str, number: signal.Signals) -> ChildState:
        """Send a signal to one that lives. Raises `Absent`."""
        found = self.process(name)
        try:
            os.kill(found.pid, number)
        except ProcessLookupError:
            raise Absent(f"{name} has just ended") from None
        return found

    async def until_replaced(self, name: str, before: ChildState, within_s: float) -> None:
        """Wait until another does its work. Raises `NeverBack`."""
        try:
            async with asyncio.timeout(within_s):
                while not self._replaced(name, before):  # noqa: ASYNC110 - the event is in another process
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise NeverBack(f"{name}: nobody has taken its place in {within_s:.0f} s") from None

    def _replaced(self, name: str, before: ChildState) -> bool:
        now = self.stack.children.get(name)
        return now is not None and now.identity != before.identity

    async def until_ready(self, within_s: float) -> None:
        """Wait until every process says that it can do its work. Raises `NeverBack` with those that do not."""
        waiting: list[str] = []
        try:
            async with asyncio.timeout(within_s):
                while waiting := await asyncio.to_thread(lambda: readiness.unready(self.stack)):  # noqa: ASYNC110 - elsewhere
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise NeverBack(f"not ready in {within_s:.0f} s: {', '.join(waiting) or 'no answer'}") from None

    @contextmanager
    def disk_full(self, *names: str) -> Iterator[None]:
        """None of these processes can write another byte, as on a full disk; what replaces one of them can."""
        victims = [self.process(name).identity for name in names]
        before = {one: resource.prlimit(one.pid, resource.RLIMIT_FSIZE) for one in victims}
        try:
            for one, (_, hard) in before.items():
                _limit(one, (0, hard))
            yield
        finally:
            for one, limits in before.items():
                _limit(one, limits)


def _limit(one: Identity, limits: tuple[int, int]) -> None:
    if one.is_alive():
        with suppress(ProcessLookupError):
            resource.prlimit(one.pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def installed(
    folder: DataFolder, fetching: Callable[[list[jars.Jar]], jars.Report], progress: Progress
) -> Iterator[Installation]:
    """A whole stack in a folder, up and ready; ended afterwards. The folder stays."""
    lifecycle.prepare(folder, fetching, kafka=True)
    try:
        lifecycle.up(folder, Launch(), progress)
        yield Installation(folder)
    finally:
        lifecycle.down(folder)
