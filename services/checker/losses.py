"""Invariant 1: an acknowledged sale is never lost."""

from __future__ import annotations

from collections.abc import Iterator

from .findings import Finding
from .story import Story


def losses(story: Story) -> Iterator[Finding]:
    """What was acknowledged is published, what was published has its case, and each was taken in once."""
    yield from _unpublished(story)
    yield from _without_case(story)
    yield from _taken_in_twice(story)
    yield from _accepted_again(story)


def _unpublished(story: Story) -> Iterator[Finding]:
    places = {ack.id: ack.where for ack in reversed(story.acknowledged)}
    for id_, where in places.items():
        if id_ not in story.published:
            yield story.finding("sale-not-published", where, case=id_)


def _without_case(story: Story) -> Iterator[Finding]:
    # Judged from the topic: what was never published cannot have a case, and is told apart.
    for case in sorted(set(story.published.values()) - story.case_by_id.keys()):
        yield story.finding("sale-without-case", "sale.events", case=case)


def _taken_in_twice(story: Story) -> Iterator[Finding]:
    """One submission, (source, sourceid), stands under one id, at the publisher and in the topic."""
    told = [((ack.source, ack.sourceid), ack.id, ack.where) for ack in story.acknowledged]
    told += [
        ((message.told["source"], message.told["sourceid"]), message.id, message.where)
        for message in story.messages
        if message.topic == "sale.events" and message.told["sourceid"]
    ]
    first: dict[tuple[str, str], str] = {}
    others = {id_: where for name, id_, where in told if first.setdefault(name, id_) != id_}
    for id_, where in others.items():
        yield story.finding("sale-accepted-twice", where, case=id_)


def _accepted_again(story: Story) -> Iterator[Finding]:
    accepted: set[str] = set()
    for ack in story.acknowledged:
        if ack.status != "accepted":
            continue
        if ack.id in accepted:
            yield story.finding("sale-accepted-twice", ack.where, case=ack.id)
        accepted.add(ack.id)
