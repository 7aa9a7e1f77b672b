"""Invariant 7 on `to.<subscriber>.<topic>`: everybody gets what a grant of its own covers, and nothing else.

Pass one goes through what was said and notes what each grant lets its subscriber see of it; pass two goes through what
they were shown. What is noted lies in a temporary file, by message and grant.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from contracts.contract import Contract
from contracts.envelope import SCHEMA_BASE, Message, Undecodable, decode
from contracts.registry import contract_of
from contracts.topics import AGENCIES
from contracts.versions import CannotDowncast

from .evidence import Evidence, Raw
from .findings import Finding
from .progress import Progress
from .queues import PATIENCE_S
from .shown import SEALED, Leaves, is_as_seen, is_encrypted, leaves
from .subscribers import Grant

SOURCES: Final = ("sale.events", "case.events", "delivery.events", *(f"{agency}.events" for agency in AGENCIES))
"""What we say to all of our own; the fate of deliveries is none of anybody else's business."""
PREFIX: Final = "to."
_ATTRIBUTES: Final = frozenset(
    {"specversion", "id", "source", "type", "subject", "time", "dataschema", "correlationid", "traceparent"}
    | {"dataclassification", "purpose", "grant", "lost"}
)
"""What an envelope tells outside; `concerns`, causes and publishers' own ids stay within."""
_OTHERS: Final = frozenset({"content-type"})
_ENDED: Final = "subscription.ended"
_WITHHELD: Final = "subscription.withheld"
_CAUSED_BY_US: Final = frozenset({_ENDED, _WITHHELD})
_SCHEMA: Final = """
create table said (id text, topic text, primary key (id, topic)) without rowid;
create table due (
    id text, grant_id text, topic text, key text, partition int, offset int, sent real, fields text,
    told real, primary key (id, grant_id, topic)
) without rowid;
create table disclosed (id text, grant_id text, at real, fields text, primary key (id, grant_id)) without rowid;
create table shown (grant_id text, topic text, sent real, place text);
"""
_MISSING: Final = """
select id, grant_id, topic, partition, offset from due
where told is null and sent <= :before
and (
    exists (
        select 1 from due later
        where later.grant_id = due.grant_id and later.topic = due.topic and later.partition = due.partition
        and later.offset > due.offset and later.told <= :before
    )
    or not exists (select 1 from shown where shown.topic = due.topic and shown.sent > :before)
)
order by topic, partition, offset
"""


class State(NamedTuple):
    """How a grant stands by the books of who serves it; moments in seconds since 1970."""

    opened_at: float | None
    revoked_at: float | None
    ended_at: float | None


class _Due(NamedTuple):
    """What a subscriber should get of a message: nothing but word of it, or the fields by name with their values."""

    key: str
    partition: int
    offset: int
    fields: Leaves | None


@dataclass(slots=True)
class Views:
    """One reading of everything that subscribers were shown, judged as of `now`."""

    evidence: Evidence
    now: datetime
    db: sqlite3.Connection
    grants: Mapping[str, Grant]
    states: Mapping[str, State]
    _last: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _ends: dict[tuple[str, str], float] = field(default_factory=dict)

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong."""
        for topic in SOURCES:
            self._note_sources(topic)
        self._note_disclosures()
        for topic in self.evidence.topics():
            if topic.startswith(PREFIX):
                for record in self.evidence.records(topic):
                    yield from self._judged(record)
        yield from self._after_their_end()
        yield from self._missing()

    # -- what should be

    def _note_sources(self, topic: str) -> None:
        wanted: dict[str, list[Grant]] = {}
        for grant in self.grants.values():
            if grant.is_good and grant.hears(topic):
                wanted.setdefault(grant.contract, []).append(grant)
        for record in self.evidence.records(topic) if topic in self.evidence.topics() else ():
            self.db.execute("insert or ignore into said values (?, ?)", (record.header("ce_id"), topic))
            concerns = record.header("ce_concerns")
            meant = [grant for grant in wanted.get(record.type, ()) if grant.is_concerned(concerns)]
            message = _message(record) if meant else None
            if message is not None:
                self.db.executemany(
                    "insert or ignore into due values (?, ?, ?, ?, ?, ?, ?, ?, null)",
                    [self._due(grant, record, message) for grant in meant],
                )

    def _due(self, grant: Grant, record: Raw, message: Message[Contract]) -> tuple[Any, ...]:
        fields = _of_grant(grant, message.data)
        topic = f"{PREFIX}{grant.subscriber}.{record.topic}"
        place = (record.key, record.partition, record.offset)
        # Outside the time that certainly was the grant's a message may be there or not: it is never missed.
        is_old = message.envelope.time.timestamp() < grant.since
        sent = float("inf") if is_old or not self._covers(grant, record.sent) else record.sent
        return (message.envelope.id, grant.id, topic, *place, sent, None if fields is None else json.dumps(fields))

    def _covers(self, grant: Grant, sent: float) -> bool:
        state = self.states.get(grant.id)
        if state is None or state.opened_at is None:
            return False
        ends = [end for end in (grant.until, state.revoked_at, state.ended_at) if end is not None]
        return max(grant.since, state.opened_at) + PATIENCE_S <= sent <= min(ends) - PATIENCE_S

    def _note_disclosures(self) -> None:
        rows = (
            (line["message"], line["grant"], float(line["at"]), json.dumps(line["fields"]))
            for line in self.evidence.disclosures()
        )
        self.db.executemany("insert or ignore into disclosed values (?, ?, ?, ?)", rows)

    # -- what is

    def _judged(self, record: Raw) -> Iterator[Finding]:
        if record.type in _CAUSED_BY_US:
            yield from self._word(record)
            return
        grant = self.grants.get(record.header("ce_grant"))
        if grant is None or not record.topic.startswith(f"{PREFIX}{grant.subscriber}."):
            if not self._is_over(record.header("ce_grant")):
                yield _finding("view-of-others", record, "grant")
            return
        self.db.execute("insert into shown values (?, ?, ?, ?)", (grant.id, record.topic, record.sent, record.where))
        due = self._expected(record, grant)
        if due is None:
            yield from self._unexpected(record, grant)
            return
        yield from self._wrong_envelope(record, grant, due)
        yield from self._wrong_fields(record, grant, due)
        yield from self._undisclosed(record, grant, due)

    def _is_over(self, grant: str) -> bool:
        """One that the file has no more, but the books: what it was shown is nothing that we could judge."""
        state = self.states.get(grant)
        return state is not None and state.ended_at is not None and grant not in self.grants

    def _word(self, record: Raw) -> Iterator[Finding]:
        message = _message(record)
        if message is None:
            yield _finding("undecodable", record)
            return
        told = message.data.model_dump(mode="json")
        if record.type == _ENDED:
            self._ends.setdefault((told["grant_id"], record.topic), record.sent)
        else:
            self._tell(told["message_id"], told["grant_id"], record)

    def _expected(self, record: Raw, grant: Grant) -> _Due | None:
        id_ = record.header("ce_id")
        query = "select key, partition, offset, fields from due where id = ? and grant_id = ? and topic = ?"
        row = self.db.execute(query, (id_, grant.id, record.topic)).fetchone()
        if row is None:
            return None
        self._tell(id_, grant.id, record)
        key, partition, offset, fields = row
        return _Due(key, partition, offset, None if fields is None else json.loads(fields))

    def _tell(self, id_: str, grant: str, record: Raw) -> None:
        query = "update due set told = coalesce(told, ?) where id = ? and grant_id = ? and topic = ?"
        self.db.execute(query, (record.sent, id_, grant, record.topic))

    def _unexpected(self, record: Raw, grant: Grant) -> Iterator[Finding]:
        id_, topic = record.header("ce_id"), record.topic.removeprefix(f"{PREFIX}{grant.subscriber}.")
        said = self.db.execute("select 1 from said where id = ? and topic = ?", (id_, topic)).fetchone()
        if said is not None:
            yield _finding("view-of-others", record, grant.id)
        elif record.sent <= self._before:
            # What is younger may stand behind the end up to which its source was read.
            yield _finding("view-of-nothing", record, grant.id)

    @property
    def _before(self) -> float:
        return self.now.timestamp() - PATIENCE_S

    def _wrong_envelope(self, record: Raw, grant: Grant, due: _Due) -> Iterator[Finding]:
        type_ = f"tongche.{grant.contract}.v{grant.version}"
        schema = f"{SCHEMA_BASE}to.{grant.subscriber}.{type_}"
        if (record.header("ce_type"), record.header("ce_dataschema")) != (type_, schema):
            yield _finding("view-other-version", record, grant.id)
        told = {name for name, _ in record.headers}
        for name in sorted(told - {f"ce_{attribute}" for attribute in _ATTRIBUTES} - _OTHERS):
            yield _finding("view-denied-field", record, name)
        for name in filter(None, record.header("ce_lost").split(",")):
            if not grant.may_hear_of(name):
                yield _finding("view-denied-field", record, name)
        lane = (record.topic, grant.id, due.key)
        if record.key != due.key or due.offset < self._last.get(lane, -1):
            yield from self._out_of_order(record, grant, due)
        self._last[lane] = max(due.offset, self._last.get(lane, -1))

    def _out_of_order(self, record: Raw, grant: Grant, due: _Due) -> Iterator[Finding]:
        """What was sent again after a crash comes once more, behind what came after it: that is no new order."""
        again = "select told from due where id = ? and grant_id = ? and topic = ?"
        first = self.db.execute(again, (record.header("ce_id"), grant.id, record.topic)).fetchone()[0]
        if record.key != due.key or first >= record.sent:
            yield _finding("views-reordered", record, grant.id)

    def _wrong_fields(self, record: Raw, grant: Grant, due: _Due) -> Iterator[Finding]:
        told = _object(record)
        if told is None or due.fields is None:
            yield _finding("undecodable" if told is None else "view-other-version", record)
            return
        token = told.pop(SEALED, None)
        sealed = {name for name in due.fields if grant.is_sealed(name)}
        if (token is not None or sealed) and not is_encrypted(token):
            yield _finding("view-unsealed", record, ", ".join(sorted(sealed)))
        yield from self._compared(record, grant, due.fields, leaves(told))

    def _compared(self, record: Raw, grant: Grant, due: Leaves, shown: Leaves) -> Iterator[Finding]:
        for name, values in shown.items():
            sight = grant.sight(name)
            if sight is None or name not in due:
                yield _finding("view-denied-field", record, name)
            elif grant.is_sealed(name):
                yield _finding("view-unsealed", record, name)
            elif len(values) != len(due[name]) or not all(
                is_as_seen(sight, one, told) for one, told in zip(values, due[name], strict=True)
            ):
                yield _finding("view-altered" if sight == "full" else "view-unmasked", record, name)
        for name in sorted(due.keys() - shown.keys()):
            if not grant.is_sealed(name):
                yield _finding("view-altered", record, name)

    def _undisclosed(self, record: Raw, grant: Grant, due: _Due) -> Iterator[Finding]:
        query = "select at, fields from disclosed where id = ? and grant_id = ?"
        row = self.db.execute(query, (record.header("ce_id"), grant.id)).fetchone()
        if row is None or not (due.fields or {}).keys() <= json.loads(row[1]).keys():
            yield _finding("view-undisclosed", record, grant.id)
        elif row[0] > self._end(grant) + PATIENCE_S:
            yield _finding("view-after-end", record, grant.id)

    def _end(self, grant: Grant) -> float:
        state = self.states.get(grant.id)
        revoked = state.revoked_at if state is not None else None
        return grant.until if revoked is None else min(grant.until, revoked)

    # -- what comes too late, and what never came

    def _after_their_end(self) -> Iterator[Finding]:
        for (grant, topic), ended in self._ends.items():
            query = "select place from shown where grant_id = ? and topic = ? and sent > ?"
            for (place,) in self.db.execute(query, (grant, topic, ended)):
                yield Finding("view-after-end", place, grant)

    def _missing(self) -> Iterator[Finding]:
        for id_, grant, topic, partition, offset in self.db.execute(_MISSING, {"before": self._before}):
            source = topic.removeprefix(f"{PREFIX}{self.grants[grant].subscriber}.")
            yield Finding("view-missing", f"{source}[{partition}]@{offset}", grant, id_)


def views(evidence: Evidence, now: datetime, progress: Progress) -> Iterator[Finding]:
    """Judge all of it. Raises `BrokenEvidence` where there are views, and not what they rest on."""
    if not evidence.has_views():
        return
    progress("views")
    grants = {grant.id: grant for grant in evidence.grants()}
    states = {line["id"]: _state(line.content) for line in evidence.grant_states()}
    # An empty name is a temporary file of SQLite's own, deleted when it closes.
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.execute("pragma journal_mode = off")
        db.executescript(_SCHEMA)
        db.execute("begin")
        yield from Views(evidence, now, db, grants, states).findings()


def _state(told: Mapping[str, Any]) -> State:
    return State(*(told.get(name) for name in State._fields))


def _of_grant(grant: Grant, data: Contract) -> Leaves | None:
    """What it covers of a message, in the version that it pinned; None where that cannot say the message."""
    versions, _ = contract_of(data)
    try:
        lowered = versions.lower(grant.version, data).data
    except CannotDowncast:
        return None
    found = leaves(lowered.model_dump(mode="json", exclude_none=True))
    return {name: values for name, values in found.items() if name in grant.fields}


def _message(record: Raw) -> Message[Contract] | None:
    try:
        return decode(record.headers, record.value)
    except Undecodable:
        return None


def _object(record: Raw) -> dict[str, Any] | None:
    try:
        told = json.loads(record.value or b"")
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _finding(what: str, record: Raw, about: str = "") -> Finding:
    return Finding(what, record.where, about, record.subject)
