"""Invariant 1: an acknowledged sale is never lost; and what an agency or the journey has said is heard.

What is younger than `queues.PATIENCE_S`, or waits in a queue that moves, is on its way and not lost; `Queues` tells.
"""

from __future__ import annotations

from collections.abc import Iterator

from .findings import Finding
from .queues import Queues
from .story import Story


def losses(story: Story, queues: Queues) -> Iterator[Finding]:
    """What was acknowledged is published, what was published has its case, and each was taken in once."""
    yield from _unpublished(story, queues)
    yield from _without_case(story, queues)
    yield from _untold(story, queues)
    yield from _unanswered(story, queues)
    yield from _taken_in_twice(story)
    yield from _accepted_again(story)


def _unpublished(story: Story, queues: Queues) -> Iterator[Finding]:
    first = {ack.id: ack for ack in reversed(story.acknowledged)}
    for id_, ack in first.items():
        if id_ not in story.published and queues.is_old(ack.at):
            yield story.finding("sale-not-published", ack.where, case=id_)


def _without_case(story: Story, queues: Queues) -> Iterator[Finding]:
    # Judged from the topic: what was never published cannot have a case, and is told apart.
    for case in sorted(set(story.published.values()) - story.case_by_id.keys()):
        first = next(message for message in story.messages if message.case == case and message.topic == "sale.events")
        if queues.forgot(first.topic, *first.at, first.sent):
            yield story.finding("sale-without-case", first.where, case=case)


def _untold(story: Story, queues: Queues) -> Iterator[Finding]:
    for case in story.cases:
        if story.moves(case) and queues.is_old(case.changed):
            yield story.finding("change-untold", case.where, f"version {case.version}", case.id)


def _unanswered(story: Story, queues: Queues) -> Iterator[Finding]:
    for id_, last in story.deliveries.items():
        silent = last.told["state"] in {"settled", "refused"} and id_ not in story.answers
        if silent and queues.is_old(last.sent):
            yield story.finding("answer-lost", last.where, last.told["command"], last.case)


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
