"""An automaker publishes a sale on Kafka, to its own topic: one CloudEvent in binary mode, with aiokafka.

    TONGCHE_KAFKA=127.0.0.1:9092 python -m docs.examples.e03_publish_sale_kafka 2

What is not accepted comes back on `refused.<publisher>` with every fault and the event's own id. Expected:

    submit.platform/1/0
"""

# ruff: noqa: INP001, T201 - a folder of examples, not a package; they print
from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta, timezone

from aiokafka import AIOKafkaProducer

from docs.examples.a_sale import PUBLISHER, SOURCE, TYPE, a_sale

CHINA = timezone(timedelta(hours=8))


def record(serial: int, now: datetime) -> tuple[str, list[tuple[str, bytes]], bytes]:
    """Key, headers and value. The key keeps the order of one sale's messages; it must not tell a VIN."""
    data = a_sale(serial, now.astimezone(CHINA).date())
    attributes = {
        "specversion": "1.0",
        "id": data["order_no"],
        "source": SOURCE,
        "type": TYPE,
        "time": now.isoformat(timespec="milliseconds"),
    }
    headers = [("content-type", b"application/json")]
    headers += [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return str(data["order_no"]), headers, json.dumps(data, ensure_ascii=False).encode()


async def publish(bootstrap: str, serial: int, now: datetime) -> str:
    """Return where it lies on Kafka, once every in-sync replica has it."""
    key, headers, value = record(serial, now)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        place = await producer.send_and_wait(f"submit.{PUBLISHER}", value, key=key.encode(), headers=headers)
    return f"{place.topic}/{place.partition}/{place.offset}"


if __name__ == "__main__":
    kafka = os.environ.get("TONGCHE_KAFKA", "127.0.0.1:9092")
    print(asyncio.run(publish(kafka, int(sys.argv[1]), datetime.now(UTC))))
