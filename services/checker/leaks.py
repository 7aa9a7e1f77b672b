"""Invariant 7: no field reaches a party that is not entitled to it, wherever it could hide."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from contracts.fields import FIELDS, PARTY_OF

from . import expectations as expected
from .evidence import Evidence, Raw
from .findings import Finding
from .personal import PERSONAL, VIN, PersonalValues, parsed
from .story import Story

_EVERYTHING: Final = PERSONAL | {VIN}
_OPEN_TO_ALL_OF_IT: Final = ("sale.events",)
"""Only our own door and journey read it; subscribers get projections."""


def fields(record: Raw) -> Iterator[Finding]:
    """Fields of a command, known to its contract or not, that its organisation may not see in full."""
    organisation = record.topic.removesuffix(".commands")
    for name in sorted(set(_leaf_names(parsed((record.value or b"").decode(errors="replace"))))):
        if not _sees(_agency(organisation), record.type, name):
            yield Finding("denied-field", record.where, name, record.subject)


def values(evidence: Evidence, personal: PersonalValues) -> Iterator[Finding]:
    """Personal values in topics, in what agencies received, and in logs."""
    for topic in evidence.topics():
        if not _is_raw(topic) and topic not in _OPEN_TO_ALL_OF_IT:
            for record in evidence.records(topic):
                yield from _in_record(record, personal)
    for line in evidence.effects():
        denied = _denied(_agency(line["organisation"]), line["operation"])
        yield from _named(personal.found_in(line.get("body")) & denied, f"{line.where} body")
    for where, text in evidence.log_lines():
        yield from _named(personal.found_in(parsed(text)), where)


def in_poison(evidence: Evidence, personal: PersonalValues) -> int:
    """How many poisoned messages hold personal data: raw by nature, so told apart and not blamed."""
    topics = [topic for topic in evidence.topics() if topic.endswith(".poison")]
    return sum(bool(_found(record, personal) & PERSONAL) for topic in topics for record in evidence.records(topic))


def recipients(story: Story) -> Iterator[Finding]:
    """Only the insurer and the bank that the sale names are asked."""
    for command in story.commands.values():
        told = story.sales[command.case].told if command.case in story.sales else {}
        right = expected.organisation_of(command.name, told.get("insurer_uscc"), told.get("lender_uscc"))
        if right is not None and command.topic != f"{right}.commands":
            yield story.finding("wrong-recipient", command.where, command.name, command.case)
    for effect in story.effects:
        asked = story.commands.get(effect.key)
        if asked is not None and asked.topic != f"{effect.organisation}.commands":
            yield story.finding("wrong-recipient", effect.where, effect.operation, asked.case)


def _in_record(record: Raw, personal: PersonalValues) -> Iterator[Finding]:
    yield from _named(_found(record, personal) & _denied_in(record), record.where, record.subject)
    headers = [value.decode(errors="replace") for _, value in record.headers]
    # A publisher's own id for its sale may be anything, its VIN too; it goes back to that publisher only.
    hidden = personal.found_in([record.key]) | (personal.found_in(headers) & PERSONAL)
    yield from _named(hidden, f"{record.where} headers", record.subject)


def _found(record: Raw, personal: PersonalValues) -> frozenset[str]:
    return personal.found_in(parsed((record.value or b"").decode(errors="replace")))


def _denied_in(record: Raw) -> frozenset[str]:
    owner, _, kind = record.topic.rpartition(".")
    match kind:
        case "commands":
            return _denied(_agency(owner), record.type)
        case "events" if owner in PARTY_OF:
            return _denied(owner, record.type)
        case "spans":
            return _EVERYTHING
        case _:
            return PERSONAL


def _named(kinds: frozenset[str], where: str, case: str = "") -> Iterator[Finding]:
    return (Finding("denied-value", where, kind, case) for kind in sorted(kinds))


@cache
def _denied(agency: str, contract: str) -> frozenset[str]:
    return frozenset(kind for kind in PERSONAL if not _sees(agency, contract, kind))


@cache
def _sees(agency: str, contract: str, name: str) -> bool:
    field = FIELDS.get(name)
    return field is not None and agency in PARTY_OF and field.seen_by(PARTY_OF[agency], contract) == "full"


def _agency(organisation: str) -> str:
    return organisation.partition("-")[0]


def _is_raw(topic: str) -> bool:
    return topic.endswith(".poison") or topic.startswith("submit.")


def _leaf_names(value: Any) -> Iterator[str]:
    members = value.items() if isinstance(value, dict) else []
    for name, member in members:
        if isinstance(member, dict):
            yield from _leaf_names(member)
        else:
            yield name
