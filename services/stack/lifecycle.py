"""Up and down, as seen from a command line: start the supervisor, wait, take over what a dead one left, stop."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from services.stack import credentials, jars, java, processes, readiness, state
from services.stack.data import DataFolder
from services.stack.plan import Plan, importable, python
from services.stack.state import Stack
from services.stack.supervisor import supervise, take_over
from services.stack.trouble import TroubleError

DEADLINE = 120.0

_LOOK_EVERY = 0.1
_STOP_WITHIN = 150.0
"""Seconds: longer than every grace of the plan one after another."""
_CRASHES_TOO_MANY = 8
_TAIL_LINES = 12

Progress = Callable[[list[str]], None]
"""Told which parts are not ready yet, each time that changes."""


@dataclass(frozen=True)
class Launch:
    """How the supervisor is started as a process of its own."""

    arguments: tuple[str, ...] = ("-m", "services.stack")
    deadline: float = DEADLINE


def prepare(folder: DataFolder, fetching: Callable[[list[jars.Jar]], jars.Report], *, kafka: bool) -> None:
    """Do what may take long or fail for reasons a person can mend, while that person is still watching."""
    _demand_fit_adapters()
    folder.create()
    credentials.ensure(folder)
    if kafka:
        java.find()
        jars.ensure(fetching)


def _demand_fit_adapters() -> None:
    # Loaded where it is needed: `tongche --help` should answer at once. Reading the organisations loads all.
    from adapters.organisations import UNFIT

    if UNFIT:
        told = "; ".join(map(str, UNFIT.values()))
        raise TroubleError(f"适配器不能装载：{told}", f"these adapters cannot be loaded: {told}", fix="tongche doctor")


def up(folder: DataFolder, launch: Launch, progress: Progress) -> Stack:
    """Return when everything is ready; what already runs is left as it is."""
    return _wait_ready(folder, _Launcher(folder, launch), launch.deadline, progress)


def up_here(plan: Plan, deadline: float, progress: Progress, ready: Callable[[Stack], None]) -> None:
    """Be the supervisor, until a signal comes; `ready` is called once everything serves."""

    def announce() -> None:
        try:
            ready(_wait_ready(plan.folder, None, deadline, progress))
        except TroubleError as trouble:
            # The supervisor goes on trying; the person who watches decides.
            progress([str(trouble)])

    threading.Thread(target=announce, daemon=True).start()
    supervise(plan)


def down(folder: DataFolder) -> bool:
    """Stop everything, cleanly where possible, and tell whether anything ran."""
    stack = state.load(folder)
    if stack is None:
        return False
    ran = stack.runs() or any(child.identity.is_alive() for child in stack.children.values())
    if stack.supervisor is not None:
        processes.end([stack.supervisor.identity], _STOP_WITHIN)
    # A supervisor that had to be killed, or had been, left children behind.
    take_over(Plan(folder))
    last = state.load(folder) or stack
    last.phase, last.supervisor, last.children = "stopped", None, {}
    last.save(folder)
    return ran


@dataclass
class _Launcher:
    """Starts a supervisor, once, as soon as nobody supervises the folder: a killed one may be dying still."""

    folder: DataFolder
    launch: Launch
    _supervisor: subprocess.Popen[bytes] | None = None

    def check(self) -> None:
        if self.folder.supervisor.is_held():
            return
        if self._supervisor is None:
            self._supervisor = self._start()
        elif self._supervisor.returncode is not None:
            raise _diagnosis("supervisor", self.folder.log("supervisor"), f"exit code {self._supervisor.returncode}")

    def _start(self) -> subprocess.Popen[bytes]:
        with self.folder.log("supervisor").open("ab") as log:
            process = subprocess.Popen(
                [python(), *self.launch.arguments, "--data", str(self.folder.root)],
                env=importable(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # It outlives us, or dies first and wants to be buried.
        threading.Thread(target=process.wait, daemon=True).start()
        return process


def _wait_ready(folder: DataFolder, launcher: _Launcher | None, seconds: float, progress: Progress) -> Stack:
    deadline = time.monotonic() + seconds
    told: list[str] = []
    while True:
        if launcher is not None:
            launcher.check()
        stack = state.load(folder)
        waiting = _waiting_for(stack)
        if stack is not None and not waiting:
            return stack
        if waiting != told:
            progress(waiting)
            told = waiting
        _complain(folder, stack, waiting, expired=time.monotonic() > deadline)
        time.sleep(_LOOK_EVERY)


def _waiting_for(stack: Stack | None) -> list[str]:
    if stack is None or not stack.runs():
        return ["supervisor"]
    unready = readiness.unready(stack)
    # Without its topics a service may answer and yet have nothing to listen to; and what is stopping may answer still.
    return unready or {"running": [], "starting": ["topics"]}.get(stack.phase, ["supervisor"])


def _complain(folder: DataFolder, stack: Stack | None, waiting: list[str], *, expired: bool) -> None:
    # What an earlier supervisor left written says nothing about this start.
    stack = stack if stack is not None and stack.runs() else None
    children = stack.children if stack else {}
    for name in waiting:
        if name in children and children[name].restarts >= _CRASHES_TOO_MANY:
            reason = f"{children[name].restarts} restarts, last exit code {children[name].last_exit}"
            raise _diagnosis(name, folder.log(name), reason)
    if stack is not None and stack.topics_refused >= _CRASHES_TOO_MANY:
        raise _diagnosis("topics", folder.log("supervisor"), stack.trouble or "refused")
    if expired:
        name = waiting[0]
        trouble = stack.trouble if stack and stack.trouble else "not ready in time"
        raise _diagnosis(", ".join(waiting), folder.log(name if name in children else "supervisor"), trouble)


def _diagnosis(what: str, log: Path, reason: str) -> TroubleError:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    tail = "\n".join(f"  | {line}" for line in lines[-_TAIL_LINES:])
    return TroubleError(
        f"{what} 没有就绪：{reason}",
        f"{what} did not become ready: {reason}\n{tail}",
        fix=f"日志 / log: {log}; tongche doctor; tongche down",
    )
