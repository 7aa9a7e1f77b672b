"""Invariant 5: every case is finished, or waits with a live timer or a named owner; and it says what is so."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final

from . import expectations as expected
from .effects import standing, terms
from .findings import Finding
from .story import Case, Effect, Story

LATE: Final = timedelta(minutes=1)
"""A timer may fire so much late and still counts as alive."""


_ENDED: Final = frozenset({"CLOSED", "CANCELLED", "REFUSED"})


def waiting(story: Story, now: datetime) -> Iterator[Finding]:
    """A case that was read after the topics' ends may know more than they tell: then only its waiting is judged."""
    stands = _standing_by_case(story, now)
    for case in story.cases:
        if _must_wait(case) and not _waits(case, now):
            yield story.finding("nobody-waits", case.where, case.headline, case.id)
        if not story.moves(case):
            yield from _against_ledger(story, case, stands.get(case.id, {}))


Stands = dict[str, Effect]
"""What stands for one case, by operation."""


def _standing_by_case(story: Story, now: datetime) -> dict[str, Stands]:
    found: dict[str, Stands] = {}
    end = standing(story)
    for operation, effect in end.effects.items():
        if end.holds(operation, now.isoformat()) or "registration.register" in end.effects:
            found.setdefault(story.case_of(effect), {})[operation] = effect
    for operation, effect in end.handed_back.items():
        # For its sale's case it stood: that was closed before the car went back.
        found.setdefault(story.case_of(effect), {}).setdefault(operation, effect)
    return found


def _against_ledger(story: Story, case: Case, mine: Stands) -> Iterator[Finding]:
    blamed = {operation for operation, effect in mine.items() if not story.left_to_person(effect)}
    match case.headline:
        case "CLOSED":
            plan = terms(story, case.id)
            missing = (expected.must_stand(plan) - mine.keys()) | (expected.must_have_ended(plan) - _done(story, case))
            yield from _all_named(story, "closed-without-effect", case, missing)
            yield from _all_named(story, "unexpected-effect", case, blamed - expected.may_stand(plan))
        case "CANCELLED" | "REFUSED":
            yield from _all_named(story, "cancelled-with-effect", case, blamed)
    if case.headline not in {"CANCELLED", "REFUSED"}:
        # What has run out was done all the same: the case hears of it when it comes to use it.
        run_out = {name for name, effect in standing(story).effects.items() if story.case_of(effect) == case.id}
        yield from _claims(story, case, mine.keys() | run_out)


def _done(story: Story, case: Case) -> frozenset[str]:
    """All that ever happened at an agency for a case."""
    return frozenset(effect.operation for effect in story.effects if story.case_of(effect) == case.id)


def _must_wait(case: Case) -> bool:
    """What is over need not, but for what came later and is held: a loan paid back, its mortgage still on record."""
    return case.headline not in _ENDED or any(facet.get("hold") for facet in case.facets.values())


def _waits(case: Case, now: datetime) -> bool:
    owned = case.owner or any(facet.get("owner") for facet in case.facets.values())
    return bool(owned) or any(due >= now - LATE for due in case.timers)


def _claims(story: Story, case: Case, mine: AbstractSet[str]) -> Iterator[Finding]:
    # What a closed case must have is already judged: one fault, one finding.
    plan = terms(story, case.id)
    judged = expected.must_stand(plan) | expected.must_have_ended(plan) if case.headline == "CLOSED" else frozenset()
    returned = story.is_return(case.id)
    happened = mine | _done(story, case) if returned else mine
    claims = expected.CLAIMS_OF_RETURN if returned else expected.CLAIMS
    claimed = {
        operation
        for name, facet in case.facets.items()
        if (operation := claims.get((name, facet["state"]))) is not None
    }
    yield from _all_named(story, "claimed-without-effect", case, claimed - happened - judged)


def _all_named(story: Story, what: str, case: Case, operations: AbstractSet[str]) -> Iterator[Finding]:
    return (story.finding(what, case.where, operation, case.id) for operation in sorted(operations))
