"""What was said stays said: one id, one content; one command, one answer (invariant 2, towards the journey)."""

from __future__ import annotations

from collections.abc import Iterator

from .findings import Finding
from .story import Spoken, Story


def sayings(story: Story) -> Iterator[Finding]:
    """A crash may say the same again with the same id; nothing may say something else."""
    yield from _otherwise(story)
    yield from _answered_twice(story)


def _otherwise(story: Story) -> Iterator[Finding]:
    first: dict[tuple[str, str], Spoken] = {}
    for message in story.messages:
        if first.setdefault((message.topic, message.id), message).digest != message.digest:
            yield story.finding("said-otherwise", message.where, message.name, message.case)


def _answered_twice(story: Story) -> Iterator[Finding]:
    first: dict[str, Spoken] = {}
    for message in story.messages:
        if message.is_answer and message.cause and first.setdefault(message.cause, message).id != message.id:
            yield story.finding("answered-twice", message.where, message.name, message.case)
