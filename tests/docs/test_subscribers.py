"""The three subscriber examples, each a program of its own against a real Kafka: every message once, restarted or not.

They read a topic as projection fills it: real views of a sale in three versions, some of it sealed, one message twice,
one that is none, and the end of the subscription.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from joserfc import jwe, jwk
from pydantic_core import from_json, to_json

from contracts.envelope import encode, message
from contracts.registry import CONTRACTS
from contracts.sale import SALE_CONFIRMED
from contracts.subscription import SubscriptionEndedV1
from contracts.topics import SALE_EVENTS, to
from contracts.views.plan import view_of
from contracts.views.subscriber import Grant, PublicKey, Subscriber
from docs.examples import a_sale
from services.stack import jars
from tests import wheel
from tests.road.installation import until

EXAMPLES: Final = Path(__file__).parents[2] / "docs" / "examples"
WITHIN_S: Final = 60
NOW: Final = datetime(2026, 11, 21, 1, tzinfo=UTC)
KEY: Final = jwk.ECKey.generate_key("P-256", private=True)
FIELDS: Final = ("vin", "mfg_date", "region", "buyer_name", "phone")
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Feed:
    """One subscriber's topic, and how to fill it."""

    kafka: str
    topic: str

    def tell(self, *messages: tuple[Headers, bytes]) -> None:
        """Put messages on it, in this order."""
        asyncio.run(self._tell(messages))

    async def _tell(self, messages: Sequence[tuple[Headers, bytes]]) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.kafka, acks="all") as producer:
            for headers, value in messages:
                await producer.send_and_wait(self.topic, value, key=b"one-vehicle", headers=list(headers))


@pytest.fixture
def feed(kafka: str, tmp_path: Path) -> Feed:
    """A topic of one's own."""
    topic = to(f"reader-{tmp_path.parent.name}-{tmp_path.name}".replace("_", "-"), SALE_EVENTS.name).name

    async def made() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.create_topics([NewTopic(topic, 2, 1)])
        await admin.close()

    asyncio.run(made())
    return Feed(kafka, topic)


def a_view(id_: str, version: int, lost: str = "") -> tuple[Headers, bytes]:
    """A sale as the tax office sees it in one version: buyer and phone sealed for KEY."""
    sale = SALE_CONFIRMED.up(2, SALE_CONFIRMED.model(2).model_validate_json(to_json(a_sale.a_sale(1, NOW.date()))))
    data = SALE_CONFIRMED.down(version, sale)
    headers, value = encode(message(data, id=id_, source="urn:tongche:intake", subject="case-1", time=NOW))
    shown = _view(version).show(from_json(value))
    told = shown.clear | {"sealed": _sealed(shown.sealed)}
    return [*headers, *([("ce_lost", lost.encode())] if lost else [])], to_json(told)


def _view(version: int) -> Any:
    grant = Grant(
        id="g",
        contract="sale.confirmed",
        version=version,
        fields=FIELDS,
        purpose="p",
        legal_basis="b",
        until=datetime(2030, 1, 1, tzinfo=UTC),
    )
    public = PublicKey.model_validate(KEY.as_dict(private=False) | {"kid": None})
    return view_of(Subscriber(name="police", title="t", party="P", jurisdiction=(), key=public), grant, b"s" * 32)


def _sealed(told: dict[str, Any]) -> str:
    header = {"alg": "ECDH-ES", "enc": "A256GCM"}
    return jwe.encrypt_compact(header, to_json(told), KEY, algorithms=["ECDH-ES", "A256GCM"])


def the_end(id_: str) -> tuple[Headers, bytes]:
    """The subscription is over."""
    ended = SubscriptionEndedV1(
        subscriber="police", grant_id="g", contract="sale.confirmed", ended_at=NOW, why="lapsed", zh="到期", en="over"
    )
    return encode(message(ended, id=id_, source="urn:tongche:projection", subject="g", time=NOW))


NO_MESSAGE: Final[tuple[Headers, bytes]] = ([("ce_id", b"p-1")], b"not json")
ENDED: Final = "e-1 tongche.subscription.ended.v1 - contract en ended_at grant_id subscriber why zh"


def seen(id_: str, version: int, *, opened: bool = True, lost: str = "") -> str:
    """The line that an example prints of a sale."""
    buyer = "buyer." if version > 1 else ""
    if opened:
        names = [f"+{buyer}buyer_name", f"+{buyer}phone", f"{buyer}region", "mfg_date", "vin"]
        names.sort(key=lambda name: name.removeprefix("+"))
    else:
        names = sorted([f"{buyer}region", "sealed", "mfg_date", "vin"])
    words = [id_, f"tongche.sale.confirmed.v{version}", a_sale.a_sale(1, NOW.date())["vin"], *names]
    return " ".join([*words, *([f"lost: {lost}"] if lost else [])])


class Program:
    """A running example, heard line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._out: Queue[str | None] = Queue()
        self._err: list[str | None] = []
        self._ears = [
            threading.Thread(target=self._hear, args=(process.stdout, self._out.put)),
            threading.Thread(target=self._hear, args=(process.stderr, self._err.append)),
        ]
        for ear in self._ears:
            ear.start()

    @staticmethod
    def _hear(lines: Any, tell: Callable[[str | None], None]) -> None:
        with lines:
            for line in lines:
                tell(line.rstrip("\n"))
        tell(None)

    def lines(self, number: int) -> list[str]:
        """The next lines of what it prints."""
        return [self._line() for _ in range(number)]

    def _line(self) -> str:
        with suppress(Empty):
            line = self._out.get(timeout=WITHIN_S)
            if line is not None:
                return line
        pytest.fail(f"not heard; it said:\n{self.said}")

    def ended(self) -> None:
        """Wait until it ends by itself."""
        self._process.wait(WITHIN_S)

    def stop(self) -> list[str]:
        """End it as a machine that loses power would; what it had printed beside what was asked for."""
        self._process.kill()
        self._process.wait(WITHIN_S)
        for ear in self._ears:
            ear.join(WITHIN_S)
        return [line for line in self._out.queue if line is not None]

    @property
    def said(self) -> str:
        """What it told people."""
        return "\n".join(filter(None, self._err))


@contextmanager
def started(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Program]:
    """An example as a process, with nothing of this checkout to import."""
    clean = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "CLASSPATH"}}
    clean.update(environment)
    process = subprocess.Popen(
        list(command),
        env=clean,
        cwd=environment["HOME"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    program = Program(process)
    try:
        yield program
    finally:
        program.stop()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a subscriber has its key and its books."""
    (tmp_path / "key.json").write_bytes(to_json(KEY.as_dict(private=True)))
    return tmp_path


def told_to(home: Path, feed: Feed, group: str = "books") -> dict[str, str]:
    return {
        "HOME": str(home),
        "TONGCHE_KAFKA": feed.kafka,
        "TOPICS": feed.topic,
        "TOPIC": feed.topic,
        "KEY": str(home / "key.json"),
        "GROUP": f"{feed.topic}-{group}",
        "BOOKS": str(home / "books"),
    }


def plays(feed: Feed, start: Callable[[str], Any], books: Callable[[], Collection[str]]) -> None:
    """Read what is there, lose power, and start again in a group that gets everything from the beginning.

    What it did and had not noted yet when it died would rightly be done again: so it dies when it has.
    """
    feed.tell(a_view("m-1", 1, "loan,export"), a_view("m-1", 1, "loan,export"), NO_MESSAGE, a_view("m-2", 2))
    with start("one") as program:
        assert program.lines(2) == [seen("m-1", 1, lost="loan,export"), seen("m-2", 2)]
        until(lambda: "m-2" in books(), WITHIN_S, books)
        assert program.stop() == []
        assert "skipped" in program.said
        assert feed.topic in program.said
    feed.tell(a_view("m-3", 3), the_end("e-1"))
    with start("another") as program:
        assert program.lines(2) == [seen("m-3", 3), ENDED]
        assert program.stop() == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The partner's wheel, as pip installed it."""
    built = wheel.built(tmp_path_factory.mktemp("wheel"))
    return wheel.installed(built, tmp_path_factory.mktemp("partner"))


def test_e01_reads_with_faststream_and_the_wheel(feed: Feed, home: Path, installed: Path) -> None:
    """Each message once; sealed fields open, the lost ones named, what is no message passed over aloud."""

    def start(group: str) -> Any:
        environment = told_to(home, feed, group) | {"PYTHONPATH": str(installed), "PYTHONUNBUFFERED": "1"}
        return started([sys.executable, "-P", str(EXAMPLES / "e01_subscribe_faststream.py")], environment)

    def books() -> list[str]:
        with closing(sqlite3.connect(home / "books")) as opened:
            return [id_ for (id_,) in opened.execute("select id from done")]

    plays(feed, start, books)


def test_e01_stops_where_its_key_does_not_fit(feed: Feed, home: Path, installed: Path) -> None:
    """Nothing is passed over: with the right key the same message is read after all."""
    environment = {"PYTHONPATH": str(installed), "PYTHONUNBUFFERED": "1"}
    stops(
        [sys.executable, "-P", str(EXAMPLES / "e01_subscribe_faststream.py")], told_to(home, feed) | environment, feed
    )


def stops(command: Sequence[str], environment: dict[str, str], feed: Feed) -> None:
    """Start with a wrong key and hear it complain and end; then with the right one, in the same group."""
    feed.tell(a_view("m-1", 2))
    wrong = Path(environment["HOME"]) / "wrong.json"
    wrong.write_bytes(to_json(jwk.ECKey.generate_key("P-256", private=True).as_dict(private=True)))
    with started(command, environment | {"KEY": str(wrong)}) as program:
        program.ended()
        assert program.stop() == []
        assert program.said
    with started(command, environment) as program:
        assert program.lines(1) == [seen("m-1", 2)]


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The Java example, compiled against the jars that Kafka itself runs on, and how it is started."""
    if shutil.which("javac") is None:
        pytest.skip("no JDK: the Java that runs Kafka here cannot compile")
    path = os.pathsep.join(map(str, jars.ensure(jars.silently)))
    classes = str(tmp_path_factory.mktemp("classes"))
    compile_ = ["javac", "-Werror", "-d", classes, "-cp", path, str(EXAMPLES / "E04Subscribe.java")]
    subprocess.run(compile_, check=True, timeout=WITHIN_S)
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{classes}{os.pathsep}{path}", "E04Subscribe"]


def test_e04_reads_with_kafka_clients(feed: Feed, home: Path, java: list[str]) -> None:
    """The same in Java."""
    plays(
        feed,
        lambda group: started(java, told_to(home, feed, group)),
        lambda: (home / "books").read_text(encoding="utf-8").split(),
    )


def test_e04_stops_where_its_key_does_not_fit(feed: Feed, home: Path, java: list[str]) -> None:
    """As in Python: it commits after the work, and there was none."""
    stops(java, told_to(home, feed), feed)


@pytest.mark.skipif(
    shutil.which("kcat") is None or shutil.which("jq") is None, reason="no kcat or no jq: apt install kcat jq"
)
def test_e05_reads_with_kcat(feed: Feed, home: Path) -> None:
    """From a shell: what is new, once; what is sealed stays sealed; then it ends."""

    def run() -> subprocess.CompletedProcess[str]:
        command = [str(EXAMPLES / "e05_subscribe_kcat.sh")]
        environment = os.environ | told_to(home, feed)
        return subprocess.run(
            command, env=environment, cwd=home, capture_output=True, text=True, timeout=WITHIN_S, check=False
        )

    feed.tell(a_view("m-1", 1, "loan"), a_view("m-1", 1, "loan"), NO_MESSAGE, a_view("m-2", 2))
    first = run()
    assert first.stdout.splitlines() == [seen("m-1", 1, opened=False, lost="loan"), seen("m-2", 2, opened=False)]
    assert f"skipped {feed.topic}/" in first.stderr
    feed.tell(a_view("m-3", 3), the_end("e-1"))
    assert run().stdout.splitlines() == [seen("m-3", 3, opened=False), ENDED]
    assert (run().stdout, run().returncode) == ("", 0)


def test_the_contract_of_an_end_is_one_that_a_wheel_knows() -> None:
    """Else a partner would take it for no message."""
    assert "subscription.ended" in CONTRACTS
