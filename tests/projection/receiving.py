"""Somebody who is posted to, and the endpoint that posts: everything real but Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic_core import from_json

from contracts.topics import Topic
from contracts.views.subscriber import Subscriber
from services.projection.webhooks.addresses import Rules
from services.projection.webhooks.endpoint import Endpoint
from services.projection.webhooks.post import Postman
from services.projection.webhooks.posting import Posting
from services.runtime.record import Place, Record
from services.runtime.settings import Settings
from tests.projection.people import SECRET, USCC, grant, subscriber
from tests.projection.stage import Stage, staged, told

WITHIN_S: Final = 60.0
TOPIC: Final = "to.small-dealer.sale.events"
NAME: Final = "small-dealer"
GRANT: Final = "small-dealer-sales"


@dataclass(frozen=True, slots=True)
class Post:
    """One post as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        whole: dict[str, Any] = from_json(self.body)
        return whole


@dataclass
class Receiver:
    """Takes what it is posted, but for what `says` another status, a header or nothing at all."""

    posts: list[Post] = field(default_factory=list)
    says: Callable[[Post], int | web.Response] = lambda _: 204
    url: str = ""

    @property
    def ids(self) -> list[str]:
        return [post.id for post in self.posts]

    @property
    def taken(self) -> list[str]:
        """The ids of what it said yes to."""
        return [post.id for post in self.posts if self.says(post) == 204]

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        post = Post(headers, await request.read())
        self.posts.append(post)
        said = self.says(post)
        return said if isinstance(said, web.Response) else web.Response(status=said)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on this machine."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        receiver.url = str(server.make_url("/hook"))
        yield receiver


@dataclass
class Topics:
    """What stands on the subscriber's topics; `gone` are offsets that Kafka keeps no more."""

    records: list[Record] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)

    async def again(self, topic: str, partition: int, offset: int) -> Record | None:
        assert (topic, partition) == (TOPIC, 0)
        return None if offset in self.gone else self.records[offset]

    async def spans(self, topics: Sequence[Topic]) -> dict[Place, tuple[int, int]]:
        """From the first that is not gone."""
        assert [topic.name for topic in topics] == [TOPIC]
        end = len(self.records)
        return {Place(TOPIC, 0): (min(set(range(end + 1)) - self.gone), end)}

    async def since(self, topics: Sequence[Topic], moment: datetime) -> AsyncIterator[Record]:
        """All of them: in which moment each came is Kafka's to know."""
        del moment
        assert [topic.name for topic in topics] == [TOPIC]
        for record in self.records:
            yield record


@dataclass
class House:
    """A process of the projection that posts to one subscriber, until it is left."""

    stage: Stage
    receiver: Receiver
    topics: Topics
    posting: Posting
    endpoint: Endpoint

    async def tell(self, *sales: tuple[str, str]) -> list[Record]:
        """Sales by id and car come: each is shown on the subscriber's topic; gives back what stands there."""
        before, known = len(self.stage.post.sent), len(self.topics.records)
        for id_, car in sales:
            await self.stage.tell(told(id_=id_, key=car))
        for sent in self.stage.post.sent[before:]:
            offset = len(self.topics.records)
            self.topics.records.append(Record(sent.topic, 0, offset, sent.key, sent.headers, sent.value))
        return self.topics.records[known:]

    async def deliver(self, *records: Record) -> None:
        """The subscriber's lanes read these: each car's one after another, cars at once."""
        cars: dict[str, list[Record]] = {}
        for record in records:
            cars.setdefault(record.key, []).append(record)
        await asyncio.gather(*(self._in_order(lane) for lane in cars.values()))

    async def _in_order(self, records: Sequence[Record]) -> None:
        for record in records:
            await self.endpoint.handle(record, None)

    async def later(self, seconds: float) -> None:
        """Time goes by; what waits is looked at."""
        await self.stage.pass_(seconds)
        self.endpoint.look()

    async def shown(self) -> dict[str, Any]:
        """How operators see it."""
        return await self.posting.one(NAME)


def dealer(url: str, **other: Any) -> Subscriber:
    """A small dealer that reads no Kafka."""
    granted = other.pop("grants", (grant("sale.confirmed", 2, "vin", "buyer_name", id=GRANT),))
    return subscriber("O", *granted, name=NAME, usccs=[USCC], webhook={"url": url}, **other)


@asynccontextmanager
async def posting(
    settings: Settings, receiver: Receiver, topics: Topics | None = None, *, is_new: bool = True
) -> AsyncIterator[House]:
    """A process; another one afterwards, with `is_new` false, finds what it left."""
    topics = topics or Topics()
    settings = settings.model_copy(update={"webhook_test": True})
    everybody = [dealer(receiver.url)] if is_new else []
    async with staged(settings, *everybody) as stage:
        postman = replace(Postman.of(Rules.of(settings)), timeout_s=WITHIN_S)
        office = Posting(
            settings, stage.store, stage.clock, SECRET, stage.register, postman, topics, topics.since, topics.spans
        )
        await office.load()
        await until(lambda: bool(stage.register.topics_of(NAME)))
        (wanted,) = office.wanted()
        endpoint = office.endpoint(wanted)
        await endpoint.assigned([Place(TOPIC, 0)], 1)
        tasks = [asyncio.create_task(run()) for run in (endpoint.run, endpoint.waiting.fence.renew)]
        try:
            yield House(stage, receiver, topics, office, endpoint)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await postman.close()


async def until(holds: Callable[[], bool]) -> None:
    """Until it is so."""
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110 - facts of many kinds, most of which tell nobody
            await asyncio.sleep(0.01)


def numbered(*numbers: int, car: str = "a") -> Iterator[tuple[str, str]]:
    """Sales of one car, by their numbers."""
    return ((f"m-{number}", car * 32) for number in numbers)
