"""Invariant 7: no field reaches a party that is not entitled to it, wherever it could hide."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any, Final

from contracts.fields import FIELDS, PARTY_OF

from . import expectations as expected
from .evidence import Evidence, Raw
from .findings import Finding
from .personal import PERSONAL, VIN, Kinds, PersonalValues, denied, parsed
from .poison import Poison
from .progress import Progress
from .story import Story

_NOTHING: Final[frozenset[str]] = frozenset()
_IMPERSONAL: Final = frozenset(FIELDS) - PERSONAL
"""What may stand in our own records, the VIN with it."""
_OPEN_TO_ALL_OF_IT: Final = ("sale.events",)
"""Only our own door and journey read it; subscribers get projections."""
_THEIR_OWN: Final = frozenset({"vin", "sourceid"})
"""What a publisher's history repeats of what that publisher has sent."""


def fields(record: Raw) -> Iterator[Finding]:
    """Fields of a command, known to its contract or not, that its organisation may not see in full."""
    permitted = _permitted(_agency(record.topic.removesuffix(".commands")), record.type)
    names = set(_leaf_names(parsed((record.value or b"").decode(errors="replace"))))
    return (Finding("denied-field", record.where, name, record.subject) for name in sorted(names - permitted))


def values(evidence: Evidence, personal: PersonalValues, poison: Poison, progress: Progress) -> Iterator[Finding]:
    """Personal values in topics, in what agencies received, in logs, metrics, histories and the export of cases."""
    for topic in evidence.topics():
        progress(f"leaks {topic}")
        if not _is_raw(topic) and topic not in _OPEN_TO_ALL_OF_IT:
            for record in evidence.records(topic):
                if not poison.strange(record):
                    yield from _in_record(record, personal)
    progress("leaks elsewhere")
    for line in evidence.effects():
        permitted = _permitted(_agency(line["organisation"]), line["operation"])
        yield from _named(denied(personal.found_in(line.get("body")), permitted), f"{line.where} body")
    yield from _in_exports(evidence, personal)
    for where, text in chain(evidence.log_lines(), evidence.metric_lines()):
        yield from _named(denied(personal.found_in(parsed(text)), _NOTHING), where)


def _in_exports(evidence: Evidence, personal: PersonalValues) -> Iterator[Finding]:
    for line in evidence.cases():
        yield from _named(denied(personal.found_in(line.content), _IMPERSONAL), line.where, line["id"])
    for line in evidence.histories():
        ours = {name: value for name, value in line.content.items() if name not in _THEIR_OWN}
        yield from _named(denied(personal.found_in(ours), _NOTHING), line.where, line["id"])


def in_poison(evidence: Evidence, personal: PersonalValues) -> int:
    """How many poisoned messages hold personal data: raw by nature, so told apart and not blamed."""
    topics = [topic for topic in evidence.topics() if topic.endswith(".poison")]
    records = (record for topic in topics for record in evidence.records(topic))
    return sum(bool(denied(_found(record, personal), frozenset({VIN}))) for record in records)


def recipients(story: Story) -> Iterator[Finding]:
    """Only the insurer and the bank that the sale names are asked."""
    for command in story.commands.values():
        sale = story.sold(command.case)
        told = sale.told if sale else {}
        right = expected.organisation_of(command.name, told.get("insurer_uscc"), told.get("lender_uscc"))
        if right is not None and command.topic != f"{right}.commands":
            yield story.finding("wrong-recipient", command.where, command.name, command.case)
    for effect in story.effects:
        asked = story.commands.get(effect.delivery)
        if asked is not None and asked.topic != f"{effect.organisation}.commands":
            yield story.finding("wrong-recipient", effect.where, effect.operation, asked.case)


def _in_record(record: Raw, personal: PersonalValues) -> Iterator[Finding]:
    yield from _named(denied(_found(record, personal), _permitted_in(record)), record.where, record.subject)
    headers = [value.decode(errors="replace") for _, value in record.headers]
    # A publisher's own id for its sale may be anything, its VIN too; it goes back to that publisher only.
    hidden = denied(personal.found_in(record.key), _NOTHING) | denied(personal.found_in(headers), _IMPERSONAL)
    yield from _named(hidden, f"{record.where} headers", record.subject)


def _found(record: Raw, personal: PersonalValues) -> frozenset[Kinds]:
    return personal.found_in(parsed((record.value or b"").decode(errors="replace")))


def _permitted_in(record: Raw) -> frozenset[str]:
    owner, _, kind = record.topic.rpartition(".")
    match kind:
        case "commands":
            return _permitted(_agency(owner), record.type)
        case "events" if owner in PARTY_OF:
            return _permitted(owner, record.type)
        case "spans":
            return _NOTHING
        case _:
            return _IMPERSONAL


def _named(kinds: frozenset[str], where: str, case: str = "") -> Iterator[Finding]:
    return (Finding("denied-value", where, kind, case) for kind in sorted(kinds))


@cache
def _permitted(agency: str, contract: str) -> frozenset[str]:
    party = PARTY_OF.get(agency)
    if party is None:
        return _NOTHING
    return frozenset(name for name, field in FIELDS.items() if field.seen_by(party, contract) == "full")


def _agency(organisation: str) -> str:
    return organisation.partition("-")[0]


def _is_raw(topic: str) -> bool:
    return topic.endswith(".poison") or topic.startswith("submit.")


def _leaf_names(value: Any) -> Iterator[str]:
    match value:
        case list():
            for member in value:
                yield from _leaf_names(member)
        case dict():
            for name, member in value.items():
                inner = list(_leaf_names(member))
                yield from inner or [name]
