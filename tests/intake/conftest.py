"""A door that really listens, on a real store, with nobody behind it: what it would publish is kept in a list."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from contracts.contract import Contract
from contracts.envelope import Message, decode
from services.chaos.database import allow_writing, forbid_writing
from services.intake.door import Door
from services.intake.files.rows import sale_of
from services.intake.http import Routes, application
from services.intake.ledger import Ledger
from services.intake.publishers import Publishers
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.ids import new_id
from services.runtime.record import Outgoing
from services.runtime.settings import Settings
from services.runtime.store import Store

SAMPLES = Path(__file__).parents[1] / "samples"
TODAY = date(2026, 11, 2)
SOURCE = "urn:tongche:publisher:platform"
WITHIN_S = 20.0


@dataclass(frozen=True)
class StoppedClock(Clock):
    """Always the same moment."""

    def now(self) -> datetime:
        return datetime(2026, 11, 2, 2, 0, tzinfo=UTC)


@dataclass
class Answer:
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def codes(self) -> set[str]:
        return {error["code"] for error in self.json["errors"]}

    @property
    def reasons(self) -> set[str]:
        return {error["reason"] for error in self.json["errors"]}


@dataclass
class House:
    """The door at work, and hands to knock with."""

    folder: Path
    tokens: dict[str, str]
    store: Store
    loop: asyncio.AbstractEventLoop
    door: Door
    publishers: Publishers
    database: str | None = None
    sent: list[Outgoing] = field(default_factory=list)
    port: int = 0

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str | Iterator[bytes] | None = None,
        *,
        publisher: str | None = "platform",
        **headers: str,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if publisher is not None:
            given["Authorization"] = f"Bearer {self.tokens[publisher]}"
        content = body.encode() if isinstance(body, str) else body
        connection.request(method, path, body=content, headers=given)
        response = connection.getresponse()
        answer = Answer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
        connection.close()
        return answer

    def publish(self, event: Any, **options: Any) -> Answer:
        kind = "application/cloudevents-batch+json" if isinstance(event, list) else "application/cloudevents+json"
        body = event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False)
        return self.send("POST", "/v1/sales", body, **{"Content_Type": kind} | options)

    def upload(self, content: bytes, kind: str = "text/csv", query: str = "", **options: Any) -> Answer:
        return self.send("POST", f"/v1/sales/import{query}", content, **{"Content_Type": kind} | options)

    def messages(self) -> list[Message[Contract]]:
        return [decode(sent.headers, sent.value) for sent in self.sent]

    def write_protect(self, *, on: bool) -> None:
        """What a full or read-only disk does to the database."""
        if self.database is not None:
            (forbid_writing if on else allow_writing)(self.database)
            return
        connection = self.store.writer.raw_connection()
        connection.cursor().execute(f"pragma query_only={int(on)}")
        connection.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WITHIN_S)


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.005)


PUBLISHERS = {
    "platform": (
        SOURCE,
        [
            "91110105MA7T54FN8M", "91120104MAT152943X", "91210102MA4LL0K565", "91220104MARGHTG714",
            "91310115MAR1JC8H3K", "91320400MA43J2Q79D", "91321002MA0JGB220K", "91330106MAQF5GE83R",
            "91440300MA6JDUG77L", "91500105MAY8KYU095", "91510107MA2RDGPL03", "91610113MA5QN7M47X",
        ],
    ),
    "changan": ("urn:tongche:publisher:changan", ["91500105MAJQYKXJ0U"]),
    "byd": ("urn:tongche:publisher:byd", ["91440300MAPW444F2G"]),
}  # fmt: skip


def write_publishers(path: Path, tokens: dict[str, str], names: list[str]) -> None:
    tables = []
    for name in names:
        source, usccs = PUBLISHERS[name]
        digest = hashlib.sha256(tokens[name].encode()).hexdigest()
        tables.append(
            f'[[publishers]]\nname = "{name}"\ntitle = "{name}"\nsource = "{source}"\n'
            f'usccs = {json.dumps(usccs)}\ntoken_sha256 = "{digest}"\n'
        )
    path.write_text("\n".join(tables), encoding="utf-8")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A door on a fresh store, with three publishers, on the second of November 2026."""
    with opened(tmp_path) as house:
        yield house


@pytest.fixture(params=["sqlite", "postgresql"])
def either_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The same on one of our databases, then on the other."""
    database = request.getfixturevalue("database") if request.param == "postgresql" else None
    with opened(tmp_path, database) as house:
        yield house


@pytest.fixture(scope="module")
def _standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("standing")) as house:
        yield house


@pytest.fixture
def old_house(_standing: House) -> House:
    """A door that other tests of the module have used: for what must not come in anyway."""
    _standing.sent.clear()
    return _standing


@contextmanager
def opened(tmp_path: Path, database: str | None = None) -> Iterator[House]:
    tokens = {name: f"token-of-{name}" for name in PUBLISHERS}
    path = tmp_path / "publishers.toml"
    write_publishers(path, tokens, list(PUBLISHERS))
    publishers = Publishers(path)
    started: list[House] = []
    ready = threading.Event()
    settings = Settings(data=tmp_path, database=database)
    thread = threading.Thread(target=lambda: asyncio.run(_live(settings, tokens, publishers, started, ready)))
    thread.start()
    assert ready.wait(WITHIN_S)
    house = started[0]
    yield house
    house.loop.call_soon_threadsafe(_stop_of[house.port].set)
    thread.join(WITHIN_S)


_stop_of: dict[int, asyncio.Event] = {}


async def _live(
    settings: Settings, tokens: dict[str, str], publishers: Publishers, started: list[House], ready: threading.Event
) -> None:
    store = await asyncio.to_thread(open_store, settings, "intake")
    store.start()
    door = Door(store, Ledger(StoppedClock(TODAY), new_id, b"k" * 32))
    house = House(settings.data, tokens, store, asyncio.get_running_loop(), door, publishers, settings.database)
    store.on_commit = lambda facts: house.sent.extend(fact for fact in facts if isinstance(fact, Outgoing))
    config = uvicorn.Config(application(Routes(door, publishers)), port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
        await asyncio.sleep(0.005)
    house.port = server.servers[0].sockets[0].getsockname()[1]
    _stop_of[house.port] = asyncio.Event()
    started.append(house)
    ready.set()
    await _stop_of[house.port].wait()
    server.should_exit = True
    await serving
    await store.stop()


def sample_rows(name: str = "sales.csv") -> list[dict[str, str]]:
    with (SAMPLES / name).open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture
def sale() -> dict[str, Any]:
    """The data of a valid sale on a loan: the first of the samples."""
    lines = (SAMPLES / "sales.jsonl").read_text(encoding="utf-8").splitlines()
    submission, faults = sale_of({name: str(value) for name, value in json.loads(lines[0]).items()})
    assert not faults
    return dict(submission.data)


@pytest.fixture
def event(sale: dict[str, Any]) -> dict[str, Any]:
    """A valid CloudEvent of the publisher `platform`."""
    return {
        "specversion": "1.0",
        "id": "order-1",
        "source": SOURCE,
        "type": "tongche.sale.confirmed.v2",
        "time": "2026-04-13T09:30:00+08:00",
        "data": sale,
    }


@pytest.fixture
def samples() -> Path:
    """Where the sample files are."""
    return SAMPLES


@pytest.fixture
def condition() -> Callable[[Callable[[], object]], None]:
    """Waits until something holds, with a deadline."""
    return wait_until
