"""Creating the topics of the table, and waiting until they are there."""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections.abc import Collection, Sequence
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from adapters.organisations import ORGANISATIONS
from contracts.topics import Topic, all_topics, to
from observability import logs

from . import subscribers
from .settings import Settings

PROJECTION: Final = to("", "").owner
"""Whose topics depend on who subscribes."""
_PAUSE_S: Final = 0.1
_PATIENCE_S: Final = 10.0
_COPIES: Final = 3
"""Of every message, where there are so many brokers."""


class TopicsRefused(RuntimeError):
    """The broker would not create a topic of the table."""


def topics_of(settings: Settings) -> list[Topic]:
    """Every topic of this installation: its organisations, its publishers and its subscribers included."""
    return list(all_topics(ORGANISATIONS, publishers_of(settings), views_of(settings)))


def publishers_of(settings: Settings) -> list[str]:
    """The names of the publishers, in the order of their file."""
    with settings.publishers.open("rb") as file:
        return [row["name"] for row in tomllib.load(file)["publishers"]]


def views_of(settings: Settings) -> list[tuple[str, str]]:
    """Pairs of a subscriber and a topic that it has a view of; none where their file cannot be read.

    That is for the projection to complain of, which makes what is missing when it can: all others need their topics.
    """
    try:
        return list(subscribers.read(settings.subscribers).views())
    except subscribers.UnreadableSubscribers as wrong:
        logs.get().warning("subscribers_unreadable", problem=str(wrong))
        return []


async def ensure(settings: Settings, wanted: Sequence[Topic] | None = None) -> None:
    """Create what is missing of all topics, or of these, waiting for the broker as long as it takes. Safe to repeat.

    Raises `TopicsRefused` with the broker's word where it will not create one.
    """
    admin = await _admin(settings)
    try:
        have = set(await admin.list_topics())
        missing = [topic for topic in (topics_of(settings) if wanted is None else wanted) if topic.name not in have]
        if missing:
            await _create(admin, missing)
    finally:
        await admin.close()


async def wait_for(settings: Settings, names: Collection[str]) -> None:
    """Return once all these topics exist. A consumer that comes before its topic would look again only much later.

    Whoever starts the stack creates them; but a publisher that was added since then has nobody else to do it.
    """
    admin = await _admin(settings)
    patience = time.monotonic() + _PATIENCE_S
    try:
        while missing := set(names) - set(await _listed(admin)):
            if time.monotonic() > patience:
                logs.get().warning("topics_missing", topics=sorted(missing))
                await _create(admin, [topic for topic in topics_of(settings) if topic.name in missing])
                patience = time.monotonic() + _PATIENCE_S
            await asyncio.sleep(_PAUSE_S)
    finally:
        await admin.close()


async def _listed(admin: AIOKafkaAdminClient) -> list[str]:
    try:
        return list(await admin.list_topics())
    except KafkaError:
        return []


async def _create(admin: AIOKafkaAdminClient, missing: list[Topic]) -> None:
    brokers = len((await admin.describe_cluster())["brokers"])
    copies = min(brokers, _COPIES)
    wanted = [NewTopic(topic.name, topic.partitions, copies, topic_configs=topic.settings) for topic in missing]
    response = await admin.create_topics(wanted)
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            message = f"{name}: {error.__name__}"
            raise TopicsRefused(message)


async def _admin(settings: Settings) -> AIOKafkaAdminClient:
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=30_000)
        try:
            await admin.start()
        except KafkaError:
            await admin.close()
            await asyncio.sleep(_PAUSE_S)
        else:
            return admin
