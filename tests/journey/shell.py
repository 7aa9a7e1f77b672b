"""The journey service on a real store, with a list for Kafka, honest agencies behind it, and a hand at its desk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from fastapi import FastAPI

from contracts.case import CaseChangedV1
from contracts.contract import Contract
from contracts.envelope import Envelope, Message, decode, encode, message
from contracts.registry import contract_of
from contracts.topics import COMMANDS, carried
from services.journey.service import build
from services.journey.timers import AlarmClock
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.face import Runtime
from services.runtime.ids import new_id
from services.runtime.outbox import Relay
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Record
from services.runtime.settings import Secrets, Settings
from services.runtime.store import Store
from services.runtime.subscription import Subscription, TransactionalWork
from tests.journey.road import CASE, Agencies, sale

T = TypeVar("T")

KEY: Final = "0123456789abcdef0123456789abcdef"
TOKEN: Final = "operator-token-of-a-test"
TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRETS: Final = Secrets(key_secret=b"s" * 32, operator_user="op", operator_password="pw", operator_token=TOKEN)


@dataclass(frozen=True)
class SetClock(Clock):
    """A clock that a test sets."""

    at: list[datetime] = field(default_factory=lambda: [datetime(2026, 5, 5, 2, tzinfo=UTC)])

    def now(self) -> datetime:
        """The moment that was set."""
        return self.at[0]

    def pass_(self, time: timedelta) -> None:
        """Let time go by."""
        self.at[0] += time


@dataclass
class Shell:
    """A running journey, and everything it would have put on Kafka."""

    runtime: Runtime
    app: FastAPI
    clock: SetClock
    sent: list[Outgoing] = field(default_factory=list)
    answered: int = 0
    agencies: Agencies = field(default_factory=lambda: Agencies(sale()))

    @property
    def work(self) -> TransactionalWork:
        """What is done with each record."""
        work = self.runtime.lanes[0].work
        assert isinstance(work, TransactionalWork)
        return work

    @property
    def subscription(self) -> Subscription:
        """What the journey follows, and how."""
        return self.work.subscription

    @property
    def alarm(self) -> AlarmClock:
        """The task that rings due timers."""
        run = self.runtime.tasks["timers"]
        alarm = getattr(run, "__self__", None)
        assert isinstance(alarm, AlarmClock)
        return alarm

    @property
    def messages(self) -> list[Message[Contract]]:
        """All that was said, in order."""
        return [decode(sent.headers, sent.value) for sent in self.sent]

    @property
    def cases(self) -> list[CaseChangedV1]:
        """All snapshots, in order."""
        return [said.data for said in self.messages if isinstance(said.data, CaseChangedV1)]

    async def come(self, topic: str, came: Message[Contract]) -> None:
        """A record comes from Kafka."""
        headers, value = encode(came)
        await self.work.handle(Record(topic, 0, 0, KEY, headers, value), None)

    async def tell(self, data: Contract, subject: str = CASE, cause: Envelope | None = None, id_: str = "") -> None:
        """A message of the maker's, or of whoever else says such things, on the topic that is for them."""
        said = message(
            data,
            id=id_ or new_id(),
            source="urn:maker",
            subject=subject,
            time=self.clock.now(),
            cause=cause,
            traceparent=TRACE,
        )
        heard = self.subscription.topics
        await self.come(next(topic for topic in heard if contract_of(data)[0] in carried(topic)), said)

    async def run(self, *but: str) -> None:
        """Agencies answer all that was asked but what is in `but`."""
        while self.answered < len(self.sent):
            said = decode(self.sent[self.answered].headers, self.sent[self.answered].value)
            self.answered += 1
            name = contract_of(said.data)[0].name
            if name in COMMANDS and name not in but:
                answer = message(
                    self.agencies.answer(said.data),
                    id=new_id(),
                    source="urn:agency",
                    subject=said.envelope.subject,
                    time=self.clock.now(),
                    cause=said.envelope,
                )
                await self.come(f"{COMMANDS[name].agency}.events", answer)

    async def call(
        self, method: str, path: str, body: Any = None, token: str = TOKEN, *, lines: bool = False
    ) -> tuple[int, Any]:
        """One HTTP request at the desk: status, and the JSON or the JSON lines."""
        raw = b"" if body is None else json.dumps(body).encode()
        headers = [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            "scheme": "http",
            "server": ("127.0.0.1", 1),
            "client": ("127.0.0.1", 2),
        }
        parts: list[dict[str, Any]] = []

        requests: list[dict[str, Any]] = [{"type": "http.request", "body": raw, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not requests:
                await asyncio.Event().wait()  # the client stays on the line
            return requests.pop()

        async def send(part: Any) -> None:
            parts.append(part)

        await self.app(scope, receive, send)
        text = b"".join(part.get("body", b"") for part in parts).decode()
        told = [json.loads(line) for line in text.splitlines()]
        return parts[0]["status"], told if lines or path.startswith("/v1/export") else told[0]


def play(folder: Path, scene: Callable[[Shell], Awaitable[T]], database: str | None = None) -> T:
    """Run a scene on a journey that has just started."""

    async def run() -> T:
        settings = Settings(data=folder, database=database)
        store = open_store(settings, "journey")
        store.start()
        clock = SetClock(business_date=None)
        try:
            return await scene(_shell(settings, store, clock))
        finally:
            await store.stop()

    return asyncio.run(run())


def _shell(settings: Settings, store: Store, clock: SetClock) -> Shell:
    producer = Producer("127.0.0.1:1", "nobody")
    runtime = Runtime("journey", settings, SECRETS, clock, store, producer, Relay(store, producer))
    shell = Shell(runtime, build(runtime), clock)
    store.on_commit = lambda facts: shell.sent.extend(fact for fact in facts if isinstance(fact, Outgoing))
    return shell
