"""Invariant 1: an acknowledged sale is never lost."""

from __future__ import annotations

from collections.abc import Iterator

from .findings import Finding
from .story import Story


def losses(story: Story) -> Iterator[Finding]:
    """Every acknowledged sale is published and has a case, and so has every published one."""
    places = {ack.id: ack.where for ack in reversed(story.acknowledged)}
    yield from (
        story.finding("sale-not-published", where, case=id_) for id_, where in places.items() if id_ not in story.sales
    )
    places |= {id_: sale.where for id_, sale in story.sales.items() if id_ not in places}
    yield from (
        story.finding("sale-without-case", where, case=id_)
        for id_, where in places.items()
        # One finding a sale: what was never published cannot have a case.
        if id_ in story.sales and id_ not in story.case_by_id
    )
    yield from _twice(story)


def _twice(story: Story) -> Iterator[Finding]:
    first: dict[tuple[str, str], str] = {}
    reported: set[str] = set()
    told = [((ack.source, ack.sourceid), ack.id, ack.where) for ack in story.acknowledged]
    told += [((sale.told["source"], sale.told["sourceid"]), id_, sale.where) for id_, sale in story.sales.items()]
    for name, id_, where in told:
        if name[1] and first.setdefault(name, id_) != id_ and id_ not in reported:
            reported.add(id_)
            yield story.finding("sale-accepted-twice", where, case=id_)
    yield from _accepted_again(story)


def _accepted_again(story: Story) -> Iterator[Finding]:
    accepted: set[str] = set()
    for ack in story.acknowledged:
        if ack.status == "accepted":
            if ack.id in accepted:
                yield story.finding("sale-accepted-twice", ack.where, case=ack.id)
            accepted.add(ack.id)
