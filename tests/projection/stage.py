"""A projection with everything real but Kafka: its store, its file, its register and its work; a clock that is set."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from contracts.concerns import Concerns
from contracts.contract import Contract
from contracts.envelope import message
from contracts.examples import examples
from contracts.registry import resolve
from contracts.topics import SUBSCRIBABLE, Topic
from contracts.views.reading import View, read_view
from contracts.views.subscriber import Subscriber
from services.projection.disclosures import Book
from services.projection.register import Register
from services.projection.work import Projecting
from services.runtime.clock import Clock
from services.runtime.database import open_store
from services.runtime.outbox import Relay
from services.runtime.record import Outgoing, Record, outgoing
from services.runtime.settings import Settings
from services.runtime.store import Store
from services.runtime.subscribers import SubscribersFile
from tests.projection.people import PRIVATE, SECRET, USCC
from tests.runtime.bench import Post

NOON: Final = datetime(2026, 11, 21, 4, tzinfo=UTC)
EVERYBODY: Final = Concerns("310115", USCC, USCC, USCC, USCC, USCC)


@dataclass(frozen=True, slots=True)
class Hands(Clock):
    """A clock that stands where it is put."""

    at: list[datetime] = field(default_factory=lambda: [NOON])

    def now(self) -> datetime:
        """The moment that it was put to."""
        return self.at[-1]


@dataclass(slots=True)
class Held(Post):
    """A post that tells when it is asked to send, so that a test can stop the world there."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def send_all(self, messages: Sequence[Outgoing]) -> None:
        """Tell, then do it."""
        self.asked.set()
        await Post.send_all(self, messages)


def toml(subscribers: Sequence[Subscriber]) -> str:
    """The file that says so."""
    return "\n".join(line for subscriber in subscribers for line in _lines(subscriber))


def _lines(subscriber: Subscriber) -> list[str]:
    told = subscriber.model_dump(mode="json", by_alias=True, exclude_none=True)
    grants = told.pop("grants")
    tables = {name: told.pop(name) for name in ("key", "webhook") if name in told}
    lines = ["[[subscribers]]", *_pairs(told)]
    lines += [f"{name} = {{ {', '.join(_pairs(table))} }}" for name, table in tables.items()]
    for grant in grants:
        lines += ["[[subscribers.grants]]", *_pairs(grant)]
    return lines


def _pairs(told: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in told.items()]


@dataclass
class Stage:
    """The projection of one installation, as long as its process lives."""

    file: Path
    clock: Hands
    post: Held
    store: Store
    register: Register
    work: Projecting
    relay: Relay
    made: list[Topic]

    async def write(self, *subscribers: Subscriber) -> None:
        """Have the file say so, and be read."""
        await self.write_text(toml(subscribers))

    async def write_text(self, text: str) -> None:
        """As `write`, whatever it is; a file counts when two looks found it the same."""
        self.file.write_text(text, encoding="utf-8")
        await self.register.look()
        await self.register.look()

    async def pass_(self, seconds: float) -> None:
        """Let time go by, and have the register look."""
        self.clock.at.append(self.clock.now() + timedelta(seconds=seconds))
        await self.register.look()

    async def tell(self, *records: Record) -> None:
        """Have messages come, all at once."""
        await asyncio.gather(*(self.work.handle(record, None) for record in records))

    async def said(self) -> list[Outgoing]:
        """Everything that was sent so far."""
        await self.relay.drained()
        return self.post.sent


@asynccontextmanager
async def staged(
    settings: Settings, *subscribers: Subscriber, clock: Hands | None = None, post: Held | None = None
) -> AsyncIterator[Stage]:
    """A process of the projection; another one afterwards finds what it left. Without subscribers the file stays."""
    settings.data.mkdir(parents=True, exist_ok=True)
    if subscribers:
        settings.subscribers.write_text(toml(subscribers), encoding="utf-8")
    clock, post = clock or Hands(), post or Held()
    store = await asyncio.to_thread(open_store, settings, "projection")
    store.start()
    relay = Relay(store, post)
    store.on_commit = relay.told
    await relay.load()
    made: list[Topic] = []

    async def provide(topics: Sequence[Topic]) -> None:
        made.extend(topics)

    register = Register(SubscribersFile(settings.subscribers), store, clock, SECRET, provide)
    work = Projecting(register, Book(store, clock), post, store, clock)
    tasks = [asyncio.create_task(run()) for run in (relay.run, register.run)]
    try:
        await register.known.wait()
        yield Stage(settings.subscribers, clock, post, store, register, work, relay, made)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.stop()


def told(  # noqa: PLR0913 - what a message may differ in
    type_: str = "tongche.sale.confirmed.v3",
    id_: str = "m-1",
    concerns: Concerns | None = EVERYBODY,
    *,
    key: str = "a" * 32,
    offset: int = 0,
    topic: str | None = None,
    nth: int = 0,
    at: datetime = NOON,
    **changes: Any,
) -> Record:
    """An example of a type as it stands on its topic, whole but for `changes`; the `nth` of several."""
    versions, number = resolve(type_)
    data = versions.model(number).model_validate_json(json.dumps(examples()[type_][nth] | changes))
    on = topic or next(name for name, carried in SUBSCRIBABLE.items() if versions in carried)
    return _record(outgoing(on, key, _message(data, id_, concerns, at)), offset)


def _message(data: Contract, id_: str, concerns: Concerns | None, at: datetime) -> Any:
    return message(
        data,
        id=id_,
        source="urn:tongche:publisher:somebody",
        subject=f"case-of-{id_}",
        time=at,
        sourceid="a-publishers-own-id",
        policypacks="NEV-26",
        concerns=None if concerns is None else str(concerns),
    )


def _record(sent: Outgoing, offset: int) -> Record:
    return Record(sent.topic, 0, offset, sent.key, sent.headers, sent.value)


def read(sent: Outgoing) -> View:
    """What a subscriber reads of it."""
    return read_view(sent.headers, sent.value, PRIVATE)


def header(sent: Outgoing, name: str) -> str | None:
    """One CloudEvents attribute."""
    found = dict(sent.headers).get(f"ce_{name}")
    return None if found is None else found.decode()


def content(sent: Outgoing) -> dict[str, Any]:
    """The JSON that stands on Kafka."""
    whole: dict[str, Any] = from_json(sent.value)
    return whole
