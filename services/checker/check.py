"""Two passes over the evidence: by vehicle for what happened, and through every text for what leaked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from contracts.contract import Contract
from contracts.delivery import DeliveryChangedV1
from contracts.envelope import Message, Undecodable, decode

from . import effects, leaks
from .deliveries import Outlook, deliveries, turns
from .evidence import Evidence, Raw
from .findings import Finding, Verdict, verdict
from .index import Index, index
from .isolation import isolation
from .losses import losses
from .order import order
from .personal import PersonalValues
from .poison import Poison
from .policy import policy
from .progress import Progress, silent
from .sayings import sayings
from .story import Spoken, Story
from .trials import Trials
from .views import views
from .waiting import waiting

_TELLS_PERSONS: Final = frozenset(
    {"sale.confirmed", "sale.corrected", "loan.decided", "plate.reserved", "registration.registered"}
)
_READ_OF_ANSWERS: Final = frozenset(
    {
        "invoice_date",
        "declared_on",
        "surcharge",
        "decision",
        "reserved_until",
        "pay_cash",
        "cancel_ground",
        "reclaim_basis",
    }
)
"""Fields that rules read of any message that has them."""


_READ_OF_DELIVERIES: Final = (
    "delivery_id",
    "revision",
    "state",
    "command",
    "next_try_at",
    "failure",
    "owner",
)
_TOLD_EVERY: Final = 1_000


def check(evidence: Path, now: datetime | None = None, progress: Progress = silent) -> Verdict:
    """Judge a folder as of `now`, or of when it was read.

    Raises `BrokenEvidence` where a part of it is missing or unreadable.
    """
    counted = (
        "sales",
        "vehicles",
        "messages",
        "effects",
        "on_trial",
        "set_aside",
        "poison",
        "poison_with_personal_data",
    )
    judge = _Judge(Evidence(evidence), progress, dict.fromkeys(counted, 0))
    return verdict(judge.findings(now), judge.notes)


@dataclass(slots=True)
class _Judge:
    """One reading of one folder."""

    evidence: Evidence
    progress: Progress
    notes: dict[str, int]
    personal: PersonalValues = field(default_factory=PersonalValues)
    poison: Poison = field(default_factory=Poison)
    trials: Trials = field(default_factory=Trials)

    def findings(self, now: datetime | None) -> Iterator[Finding]:
        reading = self.evidence.reading()
        now = now or reading.at
        with index(reading.effects) as by_vehicle:
            yield from self._read_topics(by_vehicle)
            self._read_accounts(by_vehicle)
            outlook = Outlook(by_vehicle.queues(now.timestamp()), self.evidence.open_breakers())
            yield from self._judged(by_vehicle, now, outlook)
            self.progress("isolation")
            yield from isolation(by_vehicle.traffic())
        yield from views(self.evidence, now, self.progress)
        self.personal.settle()
        yield from leaks.values(self.evidence, self.personal, self.poison, self.progress)
        self.notes["poison_with_personal_data"] = leaks.in_poison(self.evidence, self.personal)

    def _judged(self, by_vehicle: Index, now: datetime, outlook: Outlook) -> Iterator[Finding]:
        for story in by_vehicle.stories():
            self.notes["vehicles"] += 1
            self.notes["sales"] += len(story.sales)
            if self.notes["vehicles"] % _TOLD_EVERY == 1:
                self.progress(f"vehicle {self.notes['vehicles']:,}")
            for turn in turns(story):
                by_vehicle.turn(*turn)
            if self.trials.covers(story):
                self.notes["on_trial"] += 1
                continue
            yield from _broken_rules(story, now, outlook)

    def _read_topics(self, by_vehicle: Index) -> Iterator[Finding]:
        topics = self.evidence.topics()
        for topic in sorted(topics, key=lambda name: not name.endswith(".poison")):
            self.progress(f"reading {topic}")
            for record in self.evidence.records(topic):
                if topic.endswith(".poison"):
                    self.notes["poison"] += 1
                    self.poison.set_aside(record)
                elif not topic.startswith(("submit.", "to.")):
                    # What publishers submit is theirs, and judged by the door; views are judged by what they show.
                    self.notes["messages"] += 1
                    by_vehicle.beat(record.sent)
                    yield from self._read(record, by_vehicle)

    def _read(self, record: Raw, by_vehicle: Index) -> Iterator[Finding]:
        if self.poison.strange(record):
            # Also what a contract knows: on this topic it was nothing that its readers take.
            self.notes["set_aside"] += 1
            return
        try:
            message = decode(record.headers, record.value)
        except Undecodable as wrong:
            yield Finding("undecodable", record.where, wrong.reason, record.subject)
            message = None
        if record.topic.endswith(".commands"):
            yield from leaks.fields(record)
        if message is not None:
            self._take(record, message, by_vehicle)

    def _take(self, record: Raw, message: Message[Contract], by_vehicle: Index) -> None:
        if record.type in _TELLS_PERSONS:
            self.personal.learn(message.data)
        told = message.data.model_dump(mode="json")
        if told.get("vin"):
            by_vehicle.message(told["vin"], _spoken(record, message, told))
        if isinstance(message.data, DeliveryChangedV1) and not record.topic.endswith(".dead"):
            by_vehicle.attempts(message.data)

    def _read_accounts(self, by_vehicle: Index) -> None:
        self.progress("reading accounts")
        for line in self.evidence.histories():
            by_vehicle.acknowledged(line)
        for number, line in enumerate(self.evidence.effects(), start=1):
            self.notes["effects"] += 1
            by_vehicle.effect(line, number)
        for line in self.evidence.trials():
            self.trials.announced(line)
        for line in self.evidence.requests():
            by_vehicle.request(line)
        for line in self.evidence.cases():
            by_vehicle.case(line)


def _broken_rules(story: Story, now: datetime, outlook: Outlook) -> Iterator[Finding]:
    yield from losses(story, outlook.queues)
    yield from effects.walk(story)
    yield from order(story)
    yield from sayings(story)
    yield from waiting(story, now)
    yield from deliveries(story, outlook)
    yield from leaks.recipients(story)
    yield from policy(story)


def _spoken(record: Raw, message: Message[Contract], told: dict[str, Any]) -> Spoken:
    envelope = message.envelope
    return Spoken(
        topic=record.topic,
        at=(record.partition, record.offset),
        sent=record.sent,
        digest=crc32(record.value or b""),
        key=record.key,
        id=envelope.id,
        name=record.type,
        case=envelope.subject,
        cause=envelope.causationid or "",
        told=_needed(record.type, told) | {"source": envelope.source, "sourceid": envelope.sourceid or ""},
    )


def _needed(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """The fields that rules read: the index must not become a second copy of the topics."""
    match name:
        case "sale.confirmed":
            buyer, loan, export = (told[part] or {} for part in ("buyer", "loan", "export"))
            return {
                "sold_on": told["sold_on"],
                "insurer_uscc": buyer.get("insurer_uscc"),
                "lender_uscc": loan.get("lender_uscc"),
                "hs_code": export.get("hs_code"),
            }
        case "case.changed":
            packs = {step["pack"] for step in told["steps"]} | set(told["policy_packs"])
            held = [facet["name"] for facet in told["facets"] if facet["hold"]]
            return {"version": told["version"], "packs": sorted(packs - {None}), "held": held}
        case "delivery.changed":
            return {field: told[field] for field in _READ_OF_DELIVERIES}
        case _:
            return {field: told[field] for field in _READ_OF_ANSWERS & told.keys()}
