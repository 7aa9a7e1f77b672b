"""Cases in the database. All functions run inside an act of the runtime's store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update

from contracts.envelope import Envelope
from contracts.types import instant_text
from services.runtime.packing import pack_record, unpack_record
from services.runtime.record import Record
from services.runtime.sql import insert_once

from .case import Case
from .decide import Decision
from .snapshot import snapshot
from .tables import cases, live_vin, timers, unplaced

_REMEMBERED: Final = 4096

# Built once: composing a statement costs more than running it.
_OPEN: Final = insert(cases)
_CHANGE: Final = update(cases).where(cases.c.id == bindparam("case_id"))
_SEEN: Final = select(cases).where(cases.c.id == bindparam("case_id"))
# Two processes may hear of one case at once; where the database knows row locks, they take turns.
_BY_ID: Final = _SEEN.with_for_update()
_HOLDER: Final = select(live_vin.c.case_id).where(live_vin.c.vin == bindparam("vin")).order_by(live_vin.c.case_id)
_OF_VEHICLE: Final = (
    select(cases)
    .where(cases.c.key == bindparam("key"), cases.c.headline.not_in(["CANCELLED", "REFUSED"]))
    .order_by(cases.c.opened_at)
    .with_for_update()
)
_UNPLACED: Final = (
    select(unplaced).where(unplaced.c.subject.in_(bindparam("subjects", expanding=True))).order_by(unplaced.c.id)
)
_PLACED: Final = delete(unplaced).where(unplaced.c.id == bindparam("message_id"))
_CLAIM: Final = insert(live_vin)
_FREE: Final = delete(live_vin).where(live_vin.c.vin == bindparam("vin"), live_vin.c.case_id == bindparam("case_id"))
_SILENCE: Final = delete(timers).where(timers.c.case_id == bindparam("case_id"))
_SET: Final = insert(timers)
_STANDS: Final = select(timers.c.name).where(
    timers.c.case_id == bindparam("case_id"), timers.c.name == bindparam("name")
)


@dataclass(frozen=True, slots=True)
class Origin:
    """How a case came to us: its vehicle's Kafka key, who told the sale, and the trace that this began."""

    key: str
    source: str
    sourceid: str | None
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A case as it stands in the database."""

    case: Case
    origin: Origin


@dataclass(slots=True)
class Memory:
    """Cases by the text they were written as, so that a busy case is not parsed again at every message.

    The text is the key: whatever was rolled back or written by another process can never be mistaken.
    """

    _known: OrderedDict[str, Case] = field(default_factory=OrderedDict)

    def case(self, text: str) -> Case:
        """The case of that text."""
        return self._known.pop(text, None) or Case.model_validate_json(text)

    def keep(self, text: str, case: Case) -> None:
        """Remember a text that was just written."""
        self._known[text] = case
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def load(connection: Connection, memory: Memory, case_id: str) -> Kept | None:
    """A case by its id, to be decided: whoever else decides it waits until this act is over."""
    row = connection.execute(_BY_ID, {"case_id": case_id}).mappings().first()
    return _kept(memory, row) if row else None


def seen(connection: Connection, case_id: str) -> Case | None:
    """A case by its id, as it stands, for whoever only looks: nobody is waited for, and nobody is kept waiting."""
    row = connection.execute(_SEEN, {"case_id": case_id}).mappings().first()
    return _kept(Memory(), row).case if row else None


def holder(connection: Connection, vin: str) -> str | None:
    """The case by which a car is being sold, or was registered or exported."""
    return connection.execute(_HOLDER, {"vin": vin}).scalar()


def of_vehicle(connection: Connection, memory: Memory, key: str) -> list[Kept]:
    """The cases of a vehicle that an organisation's notice may be about, oldest first."""
    return [_kept(memory, row) for row in connection.execute(_OF_VEHICLE, {"key": key}).mappings()]


def save(connection: Connection, memory: Memory, decision: Decision, origin: Origin) -> None:
    """Write a decided case, its timers and its claim on the VIN."""
    case = decision.case
    text = case.model_dump_json(exclude_defaults=True)
    row = _row(case, origin, text)
    if case.version == 1:
        connection.execute(_OPEN, row)
    else:
        connection.execute(_CHANGE, row | {"case_id": case.id})
        connection.execute(_SILENCE, {"case_id": case.id})
    if decision.timers:
        rows = [{"case_id": case.id, "name": timer.name, "due": instant_text(timer.due)} for timer in decision.timers]
        connection.execute(_SET, rows)
    _claim(connection, case)
    memory.keep(text, case)


def due_timers(connection: Connection, now: datetime, most: int) -> list[tuple[str, str]]:
    """The timers that are due, oldest first, as case and name."""
    due = select(timers.c.case_id, timers.c.name).where(timers.c.due <= instant_text(now))
    return [(row.case_id, row.name) for row in connection.execute(due.order_by(timers.c.due).limit(most))]


def timer_stands(connection: Connection, case_id: str, name: str) -> bool:
    """Whether a timer is still wanted."""
    return connection.execute(_STANDS, {"case_id": case_id, "name": name}).first() is not None


def by_vin(connection: Connection, memory: Memory, vin: str) -> list[Kept]:
    """All cases of a car, newest first."""
    rows = connection.execute(select(cases).where(cases.c.vin == vin).order_by(cases.c.opened_at.desc()))
    return [_kept(memory, row) for row in rows.mappings()]


def page(connection: Connection, after: str, most: int) -> list[RowMapping]:
    """Rows of cases with greater ids, in order of id."""
    rows = select(cases).where(cases.c.id > after).order_by(cases.c.id).limit(most)
    return list(connection.execute(rows).mappings())


def counts(connection: Connection) -> Mapping[str, int]:
    """How many cases have each headline, and what else there is to count."""
    rows = connection.execute(select(cases.c.headline, func.count()).group_by(cases.c.headline))
    found: dict[str, int] = {row[0]: row[1] for row in rows}
    for name, table in (("TIMERS", timers), ("UNPLACED", unplaced)):
        found[name] = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return found


def set_aside(connection: Connection, envelope: Envelope, record: Record) -> None:
    """Keep a message about a case, or a vehicle, that is not here yet."""
    told = {"type": envelope.type, "subject": envelope.subject, "at": instant_text(envelope.time)}
    insert_once(connection, unplaced, pack_record(record) | {"id": envelope.id} | told)


def waiting(connection: Connection, *subjects: str) -> list[Record]:
    """What was set aside for these subjects, in the order of its ids."""
    rows = connection.execute(_UNPLACED, {"subjects": subjects}).all()
    return [unpack_record(row) for row in rows if row.headers is not None]


def placed(connection: Connection, message_id: str) -> None:
    """It is being heard, and kept here no more."""
    connection.execute(_PLACED, {"message_id": message_id})


def _claim(connection: Connection, case: Case) -> None:
    if case.ended is None and case.version == 1:
        connection.execute(_CLAIM, {"vin": case.vin, "kind": case.kind, "case_id": case.id})
    elif case.ended == "CANCELLED":
        connection.execute(_FREE, {"vin": case.vin, "case_id": case.id})


def _row(case: Case, origin: Origin, text: str) -> dict[str, Any]:
    return {
        "id": case.id,
        "vin": case.vin,
        "order_no": case.sale.order_no,
        "kind": case.kind,
        "headline": case.headline,
        "owner": case.owner,
        "version": case.version,
        "opened_at": instant_text(case.opened_at),
        "changed_at": instant_text(case.changed_at),
        "closed_at": instant_text(case.closed_at) if case.closed_at else None,
        "key": origin.key,
        "source": origin.source,
        "sourceid": origin.sourceid,
        "traceparent": origin.traceparent,
        "state": text,
    }


def _kept(memory: Memory, row: RowMapping) -> Kept:
    origin = Origin(row["key"], row["source"], row["sourceid"], row["traceparent"])
    return Kept(memory.case(row["state"]), origin)


def exported(rows: list[RowMapping]) -> Iterator[dict[str, Any]]:
    """Cases for the checker: where they stand and what they wait for, without the buyer."""
    for row in rows:
        case = Case.model_validate_json(row["state"])
        yield {
            "id": case.id,
            "vin": case.vin,
            "order_no": case.sale.order_no,
            "kind": case.kind,
            "headline": case.headline,
            "version": case.version,
            "owner": case.owner,
            "code": case.code,
            "financed": "loan" in case.facets and case.facets["loan"].state != "NOT_NEEDED",
            "facets": [facet.model_dump(mode="json") for facet in snapshot(case).facets],
            "asks": [ask.model_dump(mode="json", exclude={"undoes"}) for ask in case.asks.values()],
            "timers": [timer.model_dump(mode="json") for timer in case.timers],
            "policy_packs": list(case.packs),
            "opened_at": row["opened_at"],
            "changed_at": row["changed_at"],
            "closed_at": row["closed_at"],
            "source": row["source"],
            "sourceid": row["sourceid"],
        }
