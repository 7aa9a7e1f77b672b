"""Two passes over the evidence: by vehicle for what happened, and through every text for what leaked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from contracts.contract import Contract
from contracts.envelope import Message, Undecodable, decode

from . import effects, leaks
from .evidence import Evidence, Raw
from .findings import Finding, Verdict, verdict
from .index import Index, index
from .losses import losses
from .order import order
from .personal import PersonalValues
from .policy import policy
from .story import Spoken, Story
from .waiting import waiting

_TELLS_PERSONS: Final = frozenset(
    {"sale.confirmed", "sale.corrected", "loan.decided", "plate.reserved", "registration.registered"}
)
_READ_OF_ANSWERS: Final = frozenset({"invoice_date", "decision", "reserved_until"})


def check(evidence: Path, now: datetime) -> Verdict:
    """Judge a folder as of `now`. Raises `BrokenEvidence` where a part of it is missing or unreadable."""
    notes = {"sales": 0, "vehicles": 0, "messages": 0, "effects": 0, "poison": 0, "poison_with_personal_data": 0}
    return verdict(_findings(Evidence(evidence), now, notes), notes)


def _findings(evidence: Evidence, now: datetime, notes: dict[str, int]) -> Iterator[Finding]:
    personal = PersonalValues()
    with index() as by_vehicle:
        yield from _read_topics(evidence, by_vehicle, personal, notes)
        _read_accounts(evidence, by_vehicle, notes)
        for story in by_vehicle.stories():
            notes["vehicles"] += 1
            notes["sales"] += len(story.sales)
            yield from _judged(story, now)
    yield from leaks.values(evidence, personal)
    notes["poison_with_personal_data"] = leaks.in_poison(evidence, personal)


def _judged(story: Story, now: datetime) -> Iterator[Finding]:
    yield from losses(story)
    yield from effects.walk(story)
    yield from order(story)
    yield from waiting(story, now)
    yield from leaks.recipients(story)
    yield from policy(story)


def _read_topics(
    evidence: Evidence, by_vehicle: Index, personal: PersonalValues, notes: dict[str, int]
) -> Iterator[Finding]:
    for topic in evidence.topics():
        for record in evidence.records(topic):
            if topic.endswith(".poison"):
                notes["poison"] += 1
            elif not topic.startswith("submit."):
                # What publishers submit is theirs, and judged by the door.
                notes["messages"] += 1
                yield from _read(record, by_vehicle, personal)


def _read(record: Raw, by_vehicle: Index, personal: PersonalValues) -> Iterator[Finding]:
    if record.topic.endswith(".commands"):
        yield from leaks.fields(record)
    try:
        message = decode(record.headers, record.value)
    except Undecodable as wrong:
        yield Finding("undecodable", record.where, wrong.reason, record.subject)
        return
    if record.type in _TELLS_PERSONS:
        personal.learn(message.data)
    told = message.data.model_dump(mode="json")
    if "vin" in told:
        by_vehicle.message(told["vin"], _spoken(record, message, told))


def _spoken(record: Raw, message: Message[Contract], told: dict[str, Any]) -> Spoken:
    envelope = message.envelope
    return Spoken(
        topic=record.topic,
        at=(record.partition, record.offset),
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
            return {"revision": told["revision"], "delivery_id": told["delivery_id"]}
        case _:
            return {field: told[field] for field in _READ_OF_ANSWERS & told.keys()}


def _read_accounts(evidence: Evidence, by_vehicle: Index, notes: dict[str, int]) -> None:
    for line in evidence.histories():
        by_vehicle.acknowledged(line)
    for number, line in enumerate(evidence.effects(), start=1):
        notes["effects"] += 1
        by_vehicle.effect(line, number)
    for line in evidence.requests():
        by_vehicle.request(line)
    for line in evidence.cases():
        by_vehicle.case(line)
