"""Invariant 5: every case is finished, or waits with a live timer or a named owner; and it says what is so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from . import expectations as expected
from .effects import standing, terms
from .findings import Finding
from .story import Case, Story

LATE: Final = timedelta(minutes=1)
"""A timer may fire so much late and still counts as alive."""


def waiting(story: Story, now: datetime) -> Iterator[Finding]:
    stands = _standing_by_case(story, now)
    for case in story.cases:
        mine = stands.get(case.id, set())
        match case.headline:
            case "CLOSED":
                yield from _closed(story, case, mine)
            case "CANCELLED" | "REFUSED":
                yield from _all_named(story, "cancelled-with-effect", case, mine)
            case _ if not _waits(case, now):
                yield story.finding("nobody-waits", case.where, case.headline, case.id)
        if case.headline not in {"CANCELLED", "REFUSED"}:
            yield from _claims(story, case, mine)


def _standing_by_case(story: Story, now: datetime) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    end = standing(story)
    for operation, effect in end.effects.items():
        if end.holds(operation, now.isoformat()) or "registration.register" in end.effects:
            found.setdefault(story.case_of(effect), set()).add(operation)
    return found


def _closed(story: Story, case: Case, mine: set[str]) -> Iterator[Finding]:
    plan = terms(story, case.id)
    yield from _all_named(story, "closed-without-effect", case, expected.must_stand(plan) - mine)
    yield from _all_named(story, "unexpected-effect", case, mine - expected.may_stand(plan))


def _waits(case: Case, now: datetime) -> bool:
    owned = case.owner or any(facet.get("owner") for facet in case.facets.values())
    return bool(owned) or any(due >= now - LATE for due in case.timers)


def _claims(story: Story, case: Case, mine: set[str]) -> Iterator[Finding]:
    # What a closed case must have is already judged: one fault, one finding.
    judged = expected.must_stand(terms(story, case.id)) if case.headline == "CLOSED" else frozenset()
    claimed = {
        operation
        for name, facet in case.facets.items()
        if (operation := expected.CLAIMS.get((name, facet["state"]))) is not None
    }
    yield from _all_named(story, "claimed-without-effect", case, claimed - mine - judged)


def _all_named(story: Story, what: str, case: Case, operations: set[str] | frozenset[str]) -> Iterator[Finding]:
    return (story.finding(what, case.where, operation, case.id) for operation in sorted(operations))
