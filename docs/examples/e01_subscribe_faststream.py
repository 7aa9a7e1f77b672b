r"""A subscriber follows its own topics with FastStream and reads them with the wheel `tongche_contracts`.

    pip install "faststream[kafka]" "tongche_contracts[unseal]"     # the wheel is what Tongche gave you
    TONGCHE_KAFKA=127.0.0.1:9092 TOPICS="to.tax-office.sale.events" KEY=my-private-jwk.json \
        python e01_subscribe_faststream.py

One line a message, with the names of what it held and never a value of it; `+` marks what had been sealed:

    0190a000-… tongche.sale.confirmed.v3 LZZTEST05TA000001 +buyer.buyer_name buyer.region vin lost: …
"""

# ruff: noqa: INP001, T201 - a folder of examples, not a package; they print
from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faststream import AckPolicy, FastStream
from faststream.exceptions import NackMessage
from faststream.kafka import KafkaBroker, KafkaMessage, Topic
from tongche_contracts.envelope import Undecodable
from tongche_contracts.views.reading import CannotOpen, View, read_view

TOPICS = os.environ.get("TOPICS", "to.tax-office.sale.events").split()
KEY = json.loads(Path(os.environ["KEY"]).read_text(encoding="utf-8")) if "KEY" in os.environ else None

# FastStream's own logger writes to stdout, and every message at `log_level`; a handler's errors are told all the same.
log = logging.getLogger("subscriber")
broker = KafkaBroker(os.environ.get("TONGCHE_KAFKA", "127.0.0.1:9092"), logger=log, log_level=logging.DEBUG)
app = FastStream(broker, logger=log)

# Your own database. Ids may be forgotten once the topic has: it keeps 30 days.
books = sqlite3.connect(os.environ.get("BOOKS", "books.db"))
books.execute("create table if not exists done (id text primary key)")


@broker.subscriber(
    # The topics are Tongche's to create: a misspelt name must not become a topic.
    *(Topic(name, declare=False) for name in TOPICS),
    # Who shares a group shares the work; another group gets everything as well.
    group_id=os.environ.get("GROUP", "my-books"),
    auto_offset_reset="earliest",
    # The default, ACK_FIRST, commits before the handler runs and loses what it was doing when the process dies. This
    # is at least once: a handler that raises gets the same message again, and what stands behind it waits.
    ack_policy=AckPolicy.NACK_ON_ERROR,
)
async def received(message: KafkaMessage) -> None:
    """Do the work of one message and note its id in one transaction; Kafka hears of it after that."""
    raw = message.raw_message
    try:
        view = read_view(raw.headers, raw.value, KEY)
    except Undecodable as wrong:
        # Trying again would not mend it: say so, and let it be committed.
        print(f"skipped {raw.topic}/{raw.partition}/{raw.offset}: {wrong.reason}", file=sys.stderr)
        return
    except CannotOpen:
        print("KEY is not the key that Tongche seals for: stopped, nothing was passed over", file=sys.stderr)
        app.exit()
        raise NackMessage from None
    with books:
        # The same message may come twice; its id never changes.
        if books.execute("insert or ignore into done values (?)", [view.envelope.id]).rowcount:
            work(view, frozenset(names(json.loads(raw.value))))


def work(view: View, in_clear: frozenset[str]) -> None:
    """Yours. Fields are typed: `view.data.sold_on` is a date, what you may not see or is not there is None."""
    told = view.data.model_dump(exclude_none=True)
    held = [name if name in in_clear else f"+{name}" for name in sorted(names(told))]
    held += ["sealed"] if view.sealed else []
    lost = [f"lost: {','.join(view.lost)}"] if view.lost else []
    whose = getattr(view.data, "vin", None) or "-"
    print(view.envelope.id, view.envelope.type, whose, *held, *lost, flush=True)


def names(told: dict[str, Any], before: str = "") -> Iterator[str]:
    """The dotted name of every field."""
    for name, value in told.items():
        if isinstance(value, dict):
            yield from names(value, f"{before}{name}.")
        else:
            yield before + name


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(app.run())
