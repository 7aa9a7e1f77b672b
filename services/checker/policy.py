"""Invariant 8: only a policy pack in force may price, and the decision names it."""

from __future__ import annotations

from collections.abc import Iterator

from . import expectations as expected
from .findings import Finding
from .story import Story


def policy(story: Story) -> Iterator[Finding]:
    """Whatever was paid at an agency was priced by a pack that held on the invoice's date."""
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
        if decides and not _priced(story, case, decides, named.get(case, set())):
            yield story.finding("no-pack", effect.where, effect.operation, case)


def _priced(story: Story, case: str, decides: str, named: set[str]) -> bool:
    day = story.invoice_date(case)
    packs = (expected.PACKS[name] for name in named & expected.PACKS.keys())
    return any(pack.decides == decides and (day is None or pack.holds(day)) for pack in packs)
