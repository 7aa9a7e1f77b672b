"""Invariant 8: only a policy pack in force may price, and the decision names it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Final

from . import expectations as expected
from .findings import Finding
from .story import Effect, Story

_CHINA: Final = timezone(timedelta(hours=8))


def policy(story: Story) -> Iterator[Finding]:
    """Whatever was paid at an agency was priced by a pack that held on its own rule's date (rulebook §6).

    That of a tax is the invoice's, that of a policy the day on which it was taken out.
    """
    named: dict[str, set[str]] = {}
    for change in story.named("case.changed"):
        named.setdefault(change.case, set()).update(change.told["packs"])
    for case, packs in named.items():
        yield from (
            story.finding("foreign-pack", "case.events", pack, case) for pack in sorted(packs - expected.PACKS.keys())
        )
    for effect in story.effects:
        decides = expected.PRICED_BY.get(effect.operation)
        case = story.case_of(effect)
        day = story.invoice_date(case) if decides == "tax" else _day(effect)
        if decides and not _priced(decides, day, named.get(case, set())):
            yield story.finding("no-pack", effect.where, effect.operation, case)
        elif effect.operation == "tax.pay" and story.surcharged(case):
            bought_on = story.invoice_date(case)
            if not _priced(expected.SURCHARGED_BY, bought_on, named.get(case, set())):
                yield story.finding("no-pack", effect.where, "surcharge", case)


def _day(effect: Effect) -> date:
    """In China."""
    return datetime.fromisoformat(effect.at).astimezone(_CHINA).date()


def _priced(decides: str, day: date | None, named: set[str]) -> bool:
    packs = (expected.PACKS[name] for name in named & expected.PACKS.keys())
    return any(pack.decides == decides and (day is None or pack.holds(day)) for pack in packs)
