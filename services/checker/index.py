"""Sorts the evidence by vehicle on disk, so that memory does not grow with it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from contracts.delivery import DeliveryChangedV1

from .evidence import BrokenEvidence, Line
from .expectations import delivery_of
from .isolation import Call, Traffic, Wait
from .queues import PATIENCE_S, Queues, Worked
from .story import Acknowledged, Case, Effect, Position, Spoken, Story

_SCHEMA = """
create table told (vin text, sort text, place text, partition int, offset int, body text);
create table answered (key text primary key, at text) without rowid;
create table placed (id text primary key, topic text, partition int, offset int) without rowid;
create table dealt_with (id text primary key, at real) without rowid;
create table called (delivery text, organisation text, began real, ended real, good int);
create table turn (delivery text primary key, organisation text, free real) without rowid;
"""
_BY_VEHICLE = "select vin, sort, body from told order by vin, sort, place, partition, offset"
_QUEUES = """
select topic, partition, max(at), max(iif(at <= ?, offset, -1)) from placed join dealt_with using (id) group by 1, 2
"""
_WAITS = """
select turn.organisation, free, min(began) as first
from turn join called using (delivery)
group by delivery
order by first
"""
_KEPT_ROWS = 5_000
_FAILING = frozenset({"unavailable", "ambiguous"})
_SPOKEN = tuple(field.name for field in fields(Spoken))


class Index:
    """Write everything, then read story after story."""

    def __init__(self, db: sqlite3.Connection, known_effects: int) -> None:
        self._db = db
        self._known_effects = known_effects
        self._rows: list[tuple[Any, ...]] = []
        self._beats: set[int] = set()
        db.executescript(_SCHEMA)

    def acknowledged(self, line: Line) -> None:
        told = [line.where, seconds(line["at"]), *(line[name] for name in ("id", "source", "sourceid", "status"))]
        self._add(_vin(line), "acknowledged", told, line.where)

    def effect(self, line: Line, number: int) -> None:
        told = [number, *(line[name] for name in ("at", "organisation", "operation", "key"))]
        self._add(_vin(line), "effect", told, at=(0, number))

    def request(self, line: Line) -> None:
        """Keep that it was called, and when a question about the certificate was first answered well."""
        status, at = int(line["status"]), seconds(line["at"])
        self._called(delivery_of(line["key"])[0], line["organisation"], at, at, good=_is_good(status))
        if line["operation"] == "coc.query" and 200 <= status < 300:  # noqa: PLR2004 - HTTP
            sql = "insert into answered values (?, ?) on conflict (key) do update set at = min(at, excluded.at)"
            self._db.execute(sql, (line["key"], line["at"]))

    def case(self, line: Line) -> None:
        facets = {facet["name"]: facet for facet in line["facets"]}
        due = [timer["due"] for timer in line["timers"]]
        told = [line.where, *(line[name] for name in ("id", "kind", "headline", "version"))]
        told += [seconds(line["changed_at"]), line.get("owner"), facets, due]
        self._add(_vin(line), "case", told, line.where)
        self._dealt_with(line["id"], seconds(line["opened_at"]))

    def message(self, vin: str, message: Spoken) -> None:
        if message.topic.endswith(".commands") or message.name == "sale.confirmed":
            row = (message.id, message.topic, *message.at)
            self._db.execute("insert or ignore into placed values (?, ?, ?, ?)", row)
        elif message.name == "delivery.changed":
            self._dealt_with(message.told["delivery_id"], message.sent)
        self._add(vin, "message", [getattr(message, name) for name in _SPOKEN], message.topic, message.at)

    def attempts(self, told: DeliveryChangedV1) -> None:
        """Keep the calls that dispatch tells of; they also show those that never arrived."""
        for attempt in told.attempts:
            began = attempt.started_at.timestamp()
            ended, good = began + attempt.duration_ms / 1000, attempt.result not in _FAILING
            self._called(told.delivery_id, told.organisation, began, ended, good=good)

    def beat(self, moment: float) -> None:
        """Kafka took a record."""
        self._beats.add(int(moment))

    def turn(self, delivery: str, organisation: str, free: float) -> None:
        """A command was the first of its vehicle at its organisation from then on."""
        self._db.execute("insert or ignore into turn values (?, ?, ?)", (delivery, organisation, free))

    def _called(self, delivery: str, organisation: str, began: float, ended: float, *, good: bool) -> None:
        self._db.execute("insert into called values (?, ?, ?, ?, ?)", (delivery, organisation, began, ended, good))

    def traffic(self) -> Traffic:
        """What isolation is judged by."""
        calls: dict[str, list[Call]] = {}
        for name, *call in self._db.execute("select organisation, began, ended, good from called order by began"):
            calls.setdefault(name, []).append(Call(*call))
        waits: dict[str, list[Wait]] = {}
        for name, *wait in self._db.execute(_WAITS):
            waits.setdefault(name, []).append(Wait(*wait))
        return Traffic(calls, waits, sorted(self._beats))

    def _dealt_with(self, id_: str, at: float) -> None:
        sql = "insert into dealt_with values (?, ?) on conflict (id) do update set at = min(at, excluded.at)"
        self._db.execute(sql, (id_, at))

    def queues(self, now: float) -> Queues:
        """How far each partition has been worked through."""
        rows = self._db.execute(_QUEUES, (now - PATIENCE_S,))
        return Queues(now, {(topic, partition): Worked(last, passed) for topic, partition, last, passed in rows})

    def _add(self, vin: str, sort: str, told: list[Any], place: str = "", at: Position = (0, 0)) -> None:
        self._rows.append((vin, sort, place, *at, json.dumps(told)))
        if len(self._rows) >= _KEPT_ROWS:
            self._flush()

    def _flush(self) -> None:
        self._db.executemany("insert into told values (?, ?, ?, ?, ?, ?)", self._rows)
        self._rows.clear()

    def stories(self) -> Iterator[Story]:
        self._flush()
        rows = self._db.execute(_BY_VEHICLE)
        for vin, group in groupby(rows, key=lambda row: row[0]):
            yield self._story(vin, group)

    def _story(self, vin: str, rows: Iterator[tuple[str, str, str]]) -> Story:
        found: dict[str, list[Any]] = {"acknowledged": [], "message": [], "effect": [], "case": []}
        for _, sort, body in rows:
            found[sort].append(json.loads(body))
        messages = tuple(_spoken(*told) for told in found["message"])
        asked = {message.id for message in messages}
        effects = (Effect(*told) for told in found["effect"])
        return Story(
            vin,
            acknowledged=tuple(Acknowledged(*told) for told in found["acknowledged"]),
            messages=messages,
            # One that came after the topics' ends were looked up may have its command behind those ends.
            effects=tuple(one for one in effects if one.number <= self._known_effects or one.delivery in asked),
            cases=tuple(_case(*told) for told in found["case"]),
            certified_at=self._certified_at(messages),
        )

    def _certified_at(self, messages: tuple[Spoken, ...]) -> datetime | None:
        """When MIIT first showed the certificate: asked for it, or of its own accord."""
        questions = [message.id for message in messages if message.name == "coc.query"]
        sql = "select at from answered where key = ?"
        shown = [datetime.fromisoformat(row[0]) for key in questions for row in self._db.execute(sql, (key,))]
        unasked = [message for message in messages if message.name == "coc.confirmed" and not message.cause]
        shown += [datetime.fromtimestamp(message.sent, UTC) for message in unasked]
        return min(shown, default=None)


@contextmanager
def index(known_effects: int) -> Iterator[Index]:
    """An index on a file that vanishes by itself; the ledger's lines after `known_effects` need no command."""
    # An empty name is a temporary file of SQLite's own, deleted when it closes.
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.execute("pragma journal_mode = off")
        db.execute("begin")
        yield Index(db, known_effects)


def _is_good(status: int) -> bool:
    """Whether the organisation was there, whatever it said; 0 stands for no answer."""
    return 200 <= status < 500 and status != 429  # noqa: PLR2004 - HTTP


def seconds(moment: str) -> float:
    """Seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()


def _vin(line: Line) -> str:
    vin = str(line["vin"] or "").strip().upper()
    if not vin:
        raise BrokenEvidence(f"{line.where}: no vin")
    return vin


def _spoken(topic: str, at: list[int], *rest: Any) -> Spoken:
    return Spoken(topic, (at[0], at[1]), *rest)


def _case(  # noqa: PLR0913, PLR0917 - a row
    where: str,
    id_: str,
    kind: str,
    headline: str,
    version: int,
    changed: float,
    owner: str | None,
    facets: dict[str, dict[str, Any]],
    due: list[str],
) -> Case:
    timers = tuple(map(datetime.fromisoformat, due))
    return Case(where, id_, kind, headline, version, changed, owner, facets, timers)
