"""What the stack's tests stand on: a clean environment, patience with a deadline, a broker's voice, a whole stack."""

from __future__ import annotations

import os
import signal
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.stack import jars, java, lifecycle, state
from services.stack.broker import Broker, RunningBroker
from services.stack.data import DataFolder
from services.stack.lifecycle import Launch
from services.stack.ports import choose
from services.stack.state import Stack

FAKE_STACK = str(Path(__file__).with_name("fake_stack.py"))
NAMED_BY_THE_MACHINE = {"TONGCHE_JAVA", "TONGCHE_MAVEN", "TONGCHE_VENV"}

Eventually = Callable[[Callable[[], bool]], None]
Brokers = Callable[..., RunningBroker]
Stacks = Callable[..., "FakeStack"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("TONGCHE_") and name not in NAMED_BY_THE_MACHINE:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


@pytest.fixture
def eventually() -> Eventually:
    """Wait for a fact, not for a time."""

    def wait(fact: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not fact():
            assert time.monotonic() < deadline, f"did not come true in {seconds} s"
            time.sleep(0.02)

    return wait


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.create()
    return made


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Brokers]:
    """Start brokers, each with a folder of its own, or start one again; what still runs is killed at the end."""
    running: list[RunningBroker] = []

    def start(broker: Broker | None = None, *, before: Callable[[Broker], None] | None = None) -> RunningBroker:
        broker = broker or _broker(tmp_path / f"broker-{len(running)}")
        if before is not None:
            before(broker)
        running.append(broker.start())
        running[-1].wait_ready()
        return running[-1]

    yield start
    for broker in running:
        broker.kill()


def _broker(root: Path) -> Broker:
    ports = choose(("kafka", "controller"), {})
    return Broker(
        folder=root / "kafka",
        log=root / "kafka.log",
        port=ports["kafka"],
        controller_port=ports["controller"],
        java=java.find(),
        classpath=jars.ensure(jars.silently),
    )


class _Metadata(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        head = self.rfile.read(12)
        (correlation,) = struct.unpack(">i", head[8:12])
        self.wfile.write(struct.pack(">iii", 8, correlation, self.server.live_brokers))  # type: ignore[attr-defined]


class FakeKafka(socketserver.ThreadingTCPServer):
    """Answers one question: how many brokers live."""

    daemon_threads = True
    live_brokers = 1

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def fake_kafka(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKafka]:
    """A cluster of somebody else, as TONGCHE_KAFKA names it."""
    with FakeKafka(("127.0.0.1", 0), _Metadata) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        monkeypatch.setenv("TONGCHE_KAFKA", server.bootstrap)
        yield server
        server.shutdown()
        thread.join()


@dataclass
class FakeStack:
    """The real supervisor over fake services."""

    folder: DataFolder
    deadline: float = 60

    def up(self) -> Stack:
        return lifecycle.up(self.folder, Launch((FAKE_STACK,), self.deadline), lambda _: None)

    def down(self) -> bool:
        return lifecycle.down(self.folder)

    @property
    def now(self) -> Stack:
        stack = state.load(self.folder)
        assert stack is not None
        return stack

    def kill_supervisor(self) -> None:
        supervisor = self.now.supervisor
        assert supervisor is not None
        os.kill(supervisor.pid, signal.SIGKILL)


@pytest.fixture
def stacks(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stacks]:
    """Stacks of fakes, `name:manner`, over one data folder; whatever is left of them is ended."""

    def make(*fakes: str, deadline: float = 60) -> FakeStack:
        monkeypatch.setenv("FAKES", " ".join(fakes))
        return FakeStack(folder, deadline)

    yield make
    lifecycle.down(folder)
