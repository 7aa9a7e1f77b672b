"""What is counted of the topics: records, distinct cases, and since when."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaProducer

from contracts.topics import Topic
from services.runtime import census, topics
from services.runtime.settings import Settings

DAY: Final = datetime(2026, 11, 1, tzinfo=UTC)
CASES: Final = Topic("census.cases", 2, "test", "messages about cases")
NOTHING: Final = Topic("census.nothing", 2, "test", "nothing")


_PERSON, _CAR, _NOTICE = (
    ("ce_type", b"tongche.%b" % name) for name in (b"sale.confirmed.v1", b"tax.paid.v1", b"subscription.ended.v1")
)


def test_a_case_is_counted_once_however_many_messages_speak_of_it(kafka: str, tmp_path: Path) -> None:
    """By its name in the envelope; without one by the sender's id; what is no message counts for itself.

    A person is one of whom a message may tell: not a tax receipt, which names a car; a notice is not even a case.
    """
    told: list[list[tuple[str, bytes]]] = [
        [("ce_subject", b"case-1"), ("ce_id", b"1"), _PERSON],
        [("ce_subject", b"case-1"), ("ce_id", b"2"), _CAR],
        [("ce_subject", b"case-2"), ("ce_id", b"3"), _CAR],
        [("ce_subject", b"a-grant"), ("ce_id", b"5"), _NOTICE],
        [("ce_source", b"urn:a"), ("ce_id", b"4"), _PERSON],
        [("ce_source", b"urn:a"), ("ce_id", b"4"), _PERSON],
        [],
        [],
    ]

    async def run() -> dict[str, census.Held]:
        own = Settings(data=tmp_path, kafka=kafka)
        await topics.ensure(own, [CASES, NOTHING])
        async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
            for number, headers in enumerate(told):
                moment = int(DAY.timestamp() * 1000) + number
                await producer.send_and_wait(CASES.name, b"x", headers=headers, timestamp_ms=moment)
        return dict(await census.count(own, (CASES, NOTHING)))

    found = asyncio.run(run())
    assert {name: (held.records, held.cases, held.persons, held.oldest) for name, held in found.items()} == {
        CASES.name: (8, 5, 4, DAY),
        NOTHING.name: (0, 0, 0, None),
    }
