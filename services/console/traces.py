"""The spans of a case as a tree, drawn out flat: every span after its parent, with its depth and its place in time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.console import words
from services.console.words import Words

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """One span. `offset_ms` counts from the first span of the case."""

    trace_id: str
    span_id: str
    parent_id: str | None
    depth: int
    name: str
    kind: str
    service: str
    agency: str | None
    organisation: str | None
    about: str | None
    """The contract that it sent or heard."""
    start_ns: int
    offset_ms: float
    duration_ms: float
    status: str
    attributes: dict[str, Any]
    links: tuple[str, ...]
    said: dict[str, Words]


@dataclass(frozen=True, slots=True)
class Trace:
    """All spans of a case. A span whose parent is not here stands at the top."""

    case_id: str
    duration_ms: float
    spans: tuple[Span, ...]


def trace(case_id: str, rows: Sequence[Row]) -> Trace:
    """Put the rows in the order of a tree, siblings by time."""
    if not rows:
        return Trace(case_id, 0.0, ())
    began = min(row["start_ns"] for row in rows)
    ended = max(row["end_ns"] for row in rows)
    return Trace(case_id, _ms(ended - began), tuple(_span(row, depth, began) for row, depth in _walked(rows)))


def _walked(rows: Sequence[Row]) -> Iterator[tuple[Row, int]]:
    """Depth first and without recursion: a trace may be deep, and a broken one may even be a ring."""
    here = {row["span_id"] for row in rows}
    below: dict[str | None, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["start_ns"], reverse=True):
        below[row["parent_id"] if row["parent_id"] in here else None].append(row)
    waiting = [(row, 0) for row in below.pop(None, ())]
    while waiting or below:
        if not waiting:
            # Only rings are left: begin one anywhere, so that no span is hidden.
            waiting = [(row, 0) for row in below.pop(next(iter(below)))]
        row, depth = waiting.pop()
        yield row, depth
        waiting.extend((child, depth + 1) for child in below.pop(row["span_id"], ()))


def _span(row: Row, depth: int, began: int) -> Span:
    attributes = json.loads(row["attributes"])
    organisation = attributes.get("tongche.organisation")
    agency = words.agency_of(organisation) if organisation else None
    return Span(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        parent_id=row["parent_id"],
        depth=depth,
        name=row["name"],
        kind=row["kind"],
        service=row["service"],
        agency=agency,
        organisation=organisation,
        about=attributes.get("tongche.command") or attributes.get("tongche.contract"),
        start_ns=row["start_ns"],
        offset_ms=_ms(row["start_ns"] - began),
        duration_ms=_ms(row["end_ns"] - row["start_ns"]),
        status=row["status"],
        attributes=attributes,
        links=tuple(json.loads(row["links"])),
        said=dict(_said(organisation, agency)),
    )


def _said(organisation: str | None, agency: str | None) -> Iterable[tuple[str, Words]]:
    if organisation:
        yield "organisation", words.organisation(organisation)
    if agency:
        yield "agency", words.agency(agency)


def _ms(nanoseconds: int) -> float:
    return round(max(0, nanoseconds) / 1e6, 3)
