"""Sorts the evidence by vehicle on disk, so that memory does not grow with it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from datetime import datetime
from itertools import groupby
from typing import Any

from .evidence import BrokenEvidence, Line
from .story import Acknowledged, Case, Effect, Position, Spoken, Story

_SCHEMA = """
create table told (vin text, sort text, place text, partition int, offset int, body text);
create table answered (key text primary key, at text) without rowid;
"""
_BY_VEHICLE = "select vin, sort, body from told order by vin, sort, place, partition, offset"
_KEPT_ROWS = 5_000
_SPOKEN = tuple(field.name for field in fields(Spoken))


class Index:
    """Write everything, then read story after story."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._rows: list[tuple[Any, ...]] = []
        db.executescript(_SCHEMA)

    def acknowledged(self, line: Line) -> None:
        told = [line.where, *(line[name] for name in ("id", "source", "sourceid", "status"))]
        self._add(_vin(line), "acknowledged", told, line.where)

    def effect(self, line: Line, number: int) -> None:
        told = [number, *(line[name] for name in ("at", "organisation", "operation", "key"))]
        self._add(_vin(line), "effect", told, at=(0, number))

    def request(self, line: Line) -> None:
        """Keep when a question about the certificate was first answered well."""
        if line["operation"] == "coc.query" and 200 <= int(line["status"]) < 300:  # noqa: PLR2004 - HTTP
            sql = "insert into answered values (?, ?) on conflict (key) do update set at = min(at, excluded.at)"
            self._db.execute(sql, (line["key"], line["at"]))

    def case(self, line: Line) -> None:
        facets = {facet["name"]: facet for facet in line["facets"]}
        due = [timer["due"] for timer in line["timers"]]
        told = [line.where, *(line[name] for name in ("id", "kind", "headline")), line.get("owner"), facets, due]
        self._add(_vin(line), "case", told, line.where)

    def message(self, vin: str, message: Spoken) -> None:
        self._add(vin, "message", [getattr(message, name) for name in _SPOKEN], message.topic, message.at)

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
        return Story(
            vin,
            acknowledged=tuple(Acknowledged(*told) for told in found["acknowledged"]),
            messages=messages,
            effects=tuple(Effect(*told) for told in found["effect"]),
            cases=tuple(_case(*told) for told in found["case"]),
            certified_at=self._certified_at(messages),
        )

    def _certified_at(self, messages: tuple[Spoken, ...]) -> datetime | None:
        questions = [message.id for message in messages if message.name == "coc.query"]
        sql = "select at from answered where key = ?"
        answers = [row[0] for key in questions for row in self._db.execute(sql, (key,))]
        return datetime.fromisoformat(min(answers)) if answers else None


@contextmanager
def index() -> Iterator[Index]:
    """An index on a file that vanishes by itself."""
    # An empty name is a temporary file of SQLite's own, deleted when it closes.
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.execute("pragma journal_mode = off")
        db.execute("begin")
        yield Index(db)


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
    owner: str | None,
    facets: dict[str, dict[str, Any]],
    due: list[str],
) -> Case:
    return Case(where, id_, kind, headline, owner, facets, tuple(map(datetime.fromisoformat, due)))
