"""What was decided about an input, kept so that the same input gets the same outputs however often it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.sql import ColumnElement

from .packing import pack_messages, unpack_messages
from .record import Outgoing
from .sql import insert_once, insert_those_new
from .store import gathered, seen_to
from .tables import begun, ledger

_AT_ONCE: Final = 500
_DECISIONS: Final = "tongche.decisions"


def decided(connection: Connection, consumer: str, ids: Sequence[str]) -> dict[str, list[Outgoing]]:
    """The stored outputs of those inputs that were dealt with before."""
    seen_to(connection, _DECISIONS)
    found: dict[str, list[Outgoing]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        query = select(ledger.c.id, ledger.c.outputs).where(ledger.c.consumer == consumer, ledger.c.id.in_(part))
        found |= {row.id: unpack_messages(row.outputs) if row.outputs else [] for row in connection.execute(query)}
    return found


def decide(connection: Connection, consumer: str, id_: str, outputs: Sequence[Outgoing], at: float) -> list[Outgoing]:
    """Store the outcome of an input; gives back what is stored, which an earlier try may have decided otherwise."""
    row = {"consumer": consumer, "id": id_, "outputs": pack_messages(outputs), "at": at}
    if insert_once(connection, ledger, row):
        return list(outputs)
    return decided(connection, consumer, [id_])[id_]


@dataclass(slots=True)
class Decision:
    """The outcome of an input that is stored at the end of the transaction; `stored` tells it after that."""

    consumer: str
    id: str
    stored: list[Outgoing]
    at: float


def decide_later(connection: Connection, consumer: str, id_: str, outputs: Sequence[Outgoing], at: float) -> Decision:
    """As `decide`, together with all others of the same transaction."""
    decision = Decision(consumer, id_, list(outputs), at)
    gathered(connection, _DECISIONS, _Decisions).waiting.append(decision)
    return decision


@dataclass(frozen=True, slots=True)
class _Decisions:
    waiting: list[Decision] = field(default_factory=list)

    def flush(self, connection: Connection) -> None:
        if not self.waiting:
            return
        decisions = self.waiting.copy()
        self.waiting.clear()
        rows = [
            {"consumer": one.consumer, "id": one.id, "outputs": pack_messages(one.stored), "at": one.at}
            for one in decisions
        ]
        new = insert_those_new(connection, ledger, rows)
        known: dict[str, list[Decision]] = {}
        for one in decisions:
            place = (one.consumer, one.id)
            if place in new:
                new.remove(place)  # the same again in this very transaction finds it stored
            else:
                known.setdefault(one.consumer, []).append(one)
        for consumer, ones in known.items():
            found = decided(connection, consumer, [one.id for one in ones])
            for one in ones:
                one.stored = found[one.id]


def begin(connection: Connection, consumer: str, id_: str, at: float) -> float | None:
    """Note that an input is about to have its effect; if an earlier try never told how it ended, when that began."""
    if insert_once(connection, begun, {"consumer": consumer, "id": id_, "at": at}):
        return None
    found: float = connection.execute(select(begun.c.at).where(_is(consumer, id_))).scalar_one()
    return found


def begin_again(connection: Connection, consumer: str, id_: str, at: float) -> None:
    """Note that it is about to have its effect once more, after a try of which nobody knows."""
    connection.execute(update(begun).where(_is(consumer, id_)).values(at=at))


def has_begun(connection: Connection, consumer: str, id_: str) -> bool:
    """Whether an effect began of which nobody told how it ended."""
    return connection.execute(select(begun.c.id).where(_is(consumer, id_))).first() is not None


def end(connection: Connection, consumer: str, id_: str) -> None:
    """Take back what `begin` noted: how it ended is known."""
    connection.execute(delete(begun).where(_is(consumer, id_)))


def _is(consumer: str, id_: str) -> ColumnElement[bool]:
    return (begun.c.consumer == consumer) & (begun.c.id == id_)
