"""The evidence folder, read line by line: what publishers, agencies, topics and logs say happened.

    publishers/*.history.jsonl   {at, id, source, sourceid, vin, status: accepted|replayed}
    simulator/ledger.jsonl       {at, organisation, operation, key, vin, body, result, status}
    simulator/requests.jsonl     {at, organisation, operation, key, traceparent, status}
    simulator/trials.jsonl       {at, vins}: cars of tests that were announced to the agencies; may be missing
    topics/<topic>.jsonl         {partition, offset, key, headers, value, timestamp}
    subscribers.toml             who may read what, as the operator's file has it
    grants.jsonl                 {id, opened_at, revoked_at, ended_at}: how each grant stands, in seconds since 1970
    disclosures.jsonl            {message, grant, at, fields}: what was recorded before it was shown
    cases.jsonl                  {id, vin, order_no, kind, headline, version, owner, opened_at, closed_at,
                                  facets: [{name, state, hold, code, until, owner}], timers: [{name, due}]}
    logs/*.log                   one event a line, JSON or not
    metrics/*.prom               what each service shows to Prometheus
    reading.json                 {at, effects}: when the cases were asked for, and how many lines the ledger had
                                 before the ends of the topics were looked up

A header or value that is not UTF-8 is {"base64": "…"}.

A stack may be at work while it is read, so causes are read after what they cause where a missing cause would be a
finding, and the other way round where a missing effect would be one: histories, then the ledger's length, then the
topics' ends, then the cases, then everything else; the topics up to those ends. What is on record of disclosures is
read after the topics' ends, too: it is recorded before it is shown.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from .subscribers import Grant, grants

_NEEDED: Final = (
    "publishers",
    "topics",
    "logs",
    "metrics",
    "simulator/ledger.jsonl",
    "simulator/requests.jsonl",
    "cases.jsonl",
    "reading.json",
)
_OF_VIEWS: Final = ("subscribers.toml", "grants.jsonl", "disclosures.jsonl")
"""Needed as soon as anybody subscribes; what was recorded before anybody could has none of them."""
_BREAKER: Final = re.compile(r'tongche_breaker_state\{organisation="([^"]+)"\} ([0-9.]+)')


class BrokenEvidence(Exception):
    """The evidence is not complete or not readable, so nothing can be judged from it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One JSON object of a file, and where it stands."""

    where: str
    content: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        try:
            return self.content[name]
        except KeyError:
            raise BrokenEvidence(f"{self.where}: no {name}") from None

    def get(self, name: str) -> Any:
        return self.content.get(name)


@dataclass(frozen=True, slots=True)
class Raw:
    """One record of a topic as Kafka kept it."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    sent: float
    """When it was handed to Kafka, in seconds since 1970."""

    @property
    def where(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"

    @property
    def type(self) -> str:
        """The contract's name that its header claims, or nothing."""
        return self.header("ce_type").removeprefix("tongche.").rpartition(".v")[0]

    @property
    def subject(self) -> str:
        return self.header("ce_subject")

    def header(self, wanted: str) -> str:
        """The text of a header, or nothing."""
        return next((value.decode(errors="replace") for name, value in self.headers if name == wanted), "")


@dataclass(frozen=True, slots=True)
class Reading:
    """When and how far the evidence was read; see the module."""

    at: datetime
    effects: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A folder that holds every part; a missing part must never look like a clean one."""

    folder: Path

    def __post_init__(self) -> None:
        missing = [name for name in _NEEDED if not (self.folder / name).exists()]
        if missing:
            raise BrokenEvidence(f"{self.folder}: missing {', '.join(missing)}")
        if not (self.folder / "topics" / "sale.events.jsonl").exists():
            raise BrokenEvidence(f"{self.folder}: missing topics/sale.events.jsonl")

    def reading(self) -> Reading:
        told = Line("reading.json", _object((self.folder / "reading.json").read_text(encoding="utf-8"), "reading.json"))
        return Reading(datetime.fromisoformat(told["at"]), int(told["effects"]))

    def histories(self) -> Iterator[Line]:
        for file in sorted((self.folder / "publishers").glob("*.history.jsonl")):
            yield from _lines(file)

    def effects(self) -> Iterator[Line]:
        return _lines(self.folder / "simulator" / "ledger.jsonl")

    def requests(self) -> Iterator[Line]:
        return _lines(self.folder / "simulator" / "requests.jsonl")

    def trials(self) -> Iterator[Line]:
        file = self.folder / "simulator" / "trials.jsonl"
        return _lines(file) if file.exists() else iter(())

    def cases(self) -> Iterator[Line]:
        return _lines(self.folder / "cases.jsonl")

    def has_views(self) -> bool:
        """Whether anybody subscribes. Raises `BrokenEvidence` where only a part of what tells so is there."""
        missing = [name for name in _OF_VIEWS if not (self.folder / name).exists()]
        subscribed = len(missing) < len(_OF_VIEWS) or any(topic.startswith("to.") for topic in self.topics())
        if subscribed and missing:
            raise BrokenEvidence(f"{self.folder}: missing {', '.join(missing)}")
        return subscribed

    def grants(self) -> tuple[Grant, ...]:
        """What everybody may read, by our own reading of the file."""
        try:
            return tuple(grants((self.folder / "subscribers.toml").read_text(encoding="utf-8")))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise BrokenEvidence("subscribers.toml: not what it must be") from None

    def grant_states(self) -> Iterator[Line]:
        return _lines(self.folder / "grants.jsonl")

    def disclosures(self) -> Iterator[Line]:
        return _lines(self.folder / "disclosures.jsonl")

    def topics(self) -> list[str]:
        return sorted(file.name.removesuffix(".jsonl") for file in (self.folder / "topics").glob("*.jsonl"))

    def records(self, topic: str) -> Iterator[Raw]:
        for line in _lines(self.folder / "topics" / f"{topic}.jsonl"):
            headers = tuple([(name, _bytes(value) or b"") for name, value in line["headers"].items()])
            key = (_bytes(line["key"]) or b"").decode(errors="replace")
            sent = line["timestamp"] / 1000
            yield Raw(topic, line["partition"], line["offset"], key, headers, _bytes(line["value"]), sent)

    def log_lines(self) -> Iterator[tuple[str, str]]:
        """Where, and the text."""
        return self._texts("logs", "*.log")

    def metric_lines(self) -> Iterator[tuple[str, str]]:
        """Where, and the text."""
        return self._texts("metrics", "*.prom")

    def open_breakers(self) -> frozenset[str]:
        """Organisations that some process held back, or was probing, when its metrics were read."""
        shown = (_BREAKER.match(text) for _, text in self.metric_lines())
        return frozenset(found[1] for found in shown if found and float(found[2]) > 0)

    def _texts(self, part: str, pattern: str) -> Iterator[tuple[str, str]]:
        for file in sorted((self.folder / part).glob(pattern)):
            with file.open(encoding="utf-8", errors="replace") as text:
                for number, line in enumerate(text, start=1):
                    yield f"{part}/{file.name}:{number}", line


def _lines(file: Path) -> Iterator[Line]:
    with file.open(encoding="utf-8") as text:
        for number, line in enumerate(text, start=1):
            if line.strip():
                where = f"{file.name}:{number}"
                yield Line(where, _object(line, where))


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        raise BrokenEvidence(f"{where}: not JSON") from None
    if not isinstance(content, dict):
        raise BrokenEvidence(f"{where}: not an object")
    return content


def _bytes(value: str | Mapping[str, str] | None) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return None if value is None else base64.b64decode(value["base64"])
