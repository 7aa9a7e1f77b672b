"""An agency or a partner follows the state of every case, with FastStream.

    TONGCHE_KAFKA=127.0.0.1:9092 python -m docs.examples.e01_subscribe_faststream

`tongche status` prints Kafka's address. Every change of a case is one line:

    0190a000-… v7 OPEN LZZTEST05TA000001 tax ASSESSED 税务已核定 / assessed
"""

# ruff: noqa: INP001, T201 - a folder of examples, not a package; they print
from __future__ import annotations

import asyncio
import logging
import os
import sys

from aiokafka import ConsumerRecord
from faststream import AckPolicy, FastStream, Header
from faststream.exceptions import AckMessage
from faststream.kafka import KafkaBroker, Topic
from faststream.message import StreamMessage

from contracts.case import CaseChangedV1
from contracts.envelope import Undecodable, decode

# FastStream tells every message it receives at `log_level`; a handler's errors are told all the same.
broker = KafkaBroker(os.environ.get("TONGCHE_KAFKA", "127.0.0.1:9092"), log_level=logging.DEBUG)
app = FastStream(broker)


async def contract_of(record: StreamMessage[ConsumerRecord]) -> object:
    """The contract's newest class, whatever version was written: strict, with aware times and integer money."""
    raw = record.raw_message
    try:
        return decode(raw.headers, raw.value).data
    except Undecodable as wrong:
        # Trying again would not mend it: say so, and let it be committed.
        print(f"skipped {raw.topic}/{raw.partition}/{raw.offset}: {wrong.reason}", file=sys.stderr)
        raise AckMessage from None


@broker.subscriber(
    # The topics are ours to create: a misspelt name must not become a topic.
    Topic("case.events", declare=False),
    # Who shares a group shares the work; another group gets everything as well.
    group_id=os.environ.get("GROUP", "example-agency"),
    auto_offset_reset="earliest",
    # The default, ACK_FIRST, commits before the handler runs and loses what it was doing when the process dies. This
    # is at least once: a handler that raises gets the same message again, at once and for ever, and what stands
    # behind it waits; so a handler raises only for what will pass.
    ack_policy=AckPolicy.NACK_ON_ERROR,
    decoder=contract_of,
)
async def changed(case: CaseChangedV1, case_id: str = Header("ce_subject")) -> None:
    """Each message is the whole case as it stands: keep the one with the highest `version`, the same may come twice."""
    for step in case.steps:
        print(f"{case_id} v{case.version} {case.headline} {case.vin} {step.facet} {step.after} {step.zh} / {step.en}")


if __name__ == "__main__":
    asyncio.run(app.run())
