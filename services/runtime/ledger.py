"""What was decided about an input, kept so that the same input gets the same outputs however often it comes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, delete, select

from .packing import pack_messages, unpack_messages
from .record import Outgoing
from .sql import insert_once
from .tables import ledger

_AT_ONCE: Final = 500


def decided(connection: Connection, consumer: str, ids: Sequence[str]) -> dict[str, list[Outgoing]]:
    """The stored outputs of those inputs that were dealt with before."""
    found: dict[str, list[Outgoing]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        query = select(ledger.c.id, ledger.c.outputs).where(ledger.c.consumer == consumer, ledger.c.id.in_(part))
        found |= {row.id: unpack_messages(row.outputs) if row.outputs else [] for row in connection.execute(query)}
    return found


def decide(connection: Connection, consumer: str, id_: str, outputs: Sequence[Outgoing]) -> list[Outgoing]:
    """Store the outcome of an input; gives back what is stored, which an earlier try may have decided otherwise."""
    row = {"consumer": consumer, "id": id_, "outputs": pack_messages(outputs), "at": time.time()}
    if insert_once(connection, ledger, row):
        return list(outputs)
    return decided(connection, consumer, [id_])[id_]


def begin(connection: Connection, consumer: str, id_: str) -> bool:
    """Note that an input is about to have its effect; False where an earlier try began and never told how it ended."""
    row = {"consumer": _begun(consumer), "id": id_, "outputs": None, "at": time.time()}
    return insert_once(connection, ledger, row)


def end(connection: Connection, consumer: str, id_: str) -> None:
    """Take back what `begin` noted: how it ended is known."""
    connection.execute(delete(ledger).where(ledger.c.consumer == _begun(consumer), ledger.c.id == id_))


def _begun(consumer: str) -> str:
    return f"{consumer}.begun"
