"""One message in a hundred is none of ours: it goes aside, and costs those around it nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy import Connection, insert, select

from contracts.envelope import Undecodable
from services.runtime.database import open_store
from services.runtime.lanes import Lane, Lanes
from services.runtime.poison import PLACE, set_aside
from services.runtime.producer import Producer
from services.runtime.record import Outgoing, Record
from services.runtime.settings import Settings
from services.runtime.subscription import Subscription, TransactionalWork
from services.runtime.tables import ledger
from tests.runtime.bench import started

MESSAGES = 1_000
KEYS = 20
POISON_EVERY = 100


async def _topic(kafka: str) -> str:
    name = f"poisoned.{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 4, 1), NewTopic(f"{name}.poison", 1, 1)])
    await admin.close()
    return name


def _said(topic: str, number: int) -> Outgoing:
    poison = number % POISON_EVERY == POISON_EVERY - 1
    headers = () if poison else (("ce_id", str(number).encode()),)
    value = b"\xff\x00[[[" if poison else str(number).encode()
    return Outgoing(str(number), topic, f"key{number % KEYS}", headers, value)


_turns = count()


def _apply(connection: Connection, record: Record) -> None:
    """An effect in the database, so that what is rolled back and done again is there once."""
    said = (record.value or b"").decode(errors="replace")
    connection.execute(insert(ledger), {"consumer": record.key, "id": said, "outputs": None, "at": next(_turns)})
    if not said.isdigit():
        raise Undecodable("not-json")


def _applied(connection: Connection) -> dict[str, list[int]]:
    """By key, in the order of the acts."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in connection.execute(select(ledger).where(ledger.c.consumer.startswith("key")).order_by(ledger.c.at)):
        found[row.consumer].append(int(row.id))
    return found


async def _aside(kafka: str, topic: str, number: int) -> set[bytes]:
    """The places named on so many records of the poison topic."""
    consumer = AIOKafkaConsumer(f"{topic}.poison", bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return {dict((await consumer.getone()).headers)[PLACE] for _ in range(number)}
    finally:
        await consumer.stop()


def test_what_is_around_the_poison_is_applied_once_and_in_order(kafka: str, tmp_path: Path, until: Any) -> None:
    """Every good message of every key; each bad one lies aside under the place from which it came."""

    async def play() -> None:
        topic = await _topic(kafka)
        async with started(open_store(Settings(data=tmp_path), "journey")) as store:
            producer = Producer(kafka, "test")
            work = TransactionalWork(Subscription("test", (topic,), _apply), store, producer)
            lanes = Lanes(Lane(uuid.uuid4().hex, (topic,), kafka), work, lambda *told: set_aside(producer, *told))
            working = asyncio.create_task(lanes.run())
            await producer.send_all([_said(topic, number) for number in range(MESSAGES)])
            await until(lambda: lanes.finished == MESSAGES)
            await lanes.stop()
            working.cancel()
            await asyncio.wait({working})
            bad = MESSAGES // POISON_EVERY
            assert len(await _aside(kafka, topic, bad)) == bad
            await producer.stop()
            applied = await store.read(_applied)
        assert sum(map(len, applied.values())) == MESSAGES - bad
        assert all(numbers == sorted(numbers) for numbers in applied.values())

    asyncio.run(play())
