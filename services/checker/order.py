"""Invariant 3: what concerns one vehicle at one organisation keeps its order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .findings import Finding
from .story import Spoken, Story


def order(story: Story) -> Iterator[Finding]:
    """Effects and answers follow the commands; versions only rise; one vehicle is one key in one partition."""
    yield from _effects(story)
    yield from _answers(story)
    yield from _versions(story, "case.changed", "version", lambda message: message.case)
    yield from _versions(story, "delivery.changed", "revision", lambda message: message.told["delivery_id"])
    yield from _keys(story)


def _effects(story: Story) -> Iterator[Finding]:
    # The first effect of a delivery counts: after it, a person may edit and send it again whenever he likes.
    places = ((effect.delivery, effect.where, effect.operation) for effect in story.effects)
    yield from _against_commands(story, "effects-reordered", places)


def _answers(story: Story) -> Iterator[Finding]:
    answers = (message for message in story.messages if message.is_answer and message.cause in story.commands)
    # One topic an agency, so that answers of several organisations are told apart by their commands.
    places = ((message.cause, message.where, message.name) for message in answers)
    yield from _against_commands(story, "answers-reordered", places)


def _against_commands(story: Story, what: str, places: Iterable[tuple[str, str, str]]) -> Iterator[Finding]:
    latest: dict[str, int] = {}
    rank = {id_: number for number, id_ in enumerate(story.commands)}
    seen: set[str] = set()
    for key, where, about in places:
        command = story.commands.get(key)
        if command is None or key in seen:
            continue
        seen.add(key)
        if rank[key] < latest.get(command.topic, -1):
            yield story.finding(what, where, about, command.case)
        latest[command.topic] = max(rank[key], latest.get(command.topic, -1))


def _versions(story: Story, name: str, field: str, of: Callable[[Spoken], str]) -> Iterator[Finding]:
    highest: dict[str, int] = {}
    seen: set[str] = set()
    for message in story.named(name):
        # A relay sends again after a crash, with the same ids.
        if message.topic.endswith(".dead") or message.id in seen:
            continue
        seen.add(message.id)
        version, thing = message.told[field], of(message)
        if version < highest.get(thing, 0):
            yield story.finding("versions-reordered", message.where, name, message.case)
        highest[thing] = max(version, highest.get(thing, 0))


def _keys(story: Story) -> Iterator[Finding]:
    keys = {message.key: message for message in reversed(story.messages)}
    if len(keys) > 1:
        yield story.finding("two-keys", " ".join(sorted({message.topic for message in keys.values()})))
        return
    partitions: dict[str, set[int]] = {}
    for message in story.messages:
        partitions.setdefault(message.topic, set()).add(message.at[0])
    for topic, found in sorted(partitions.items()):
        if len(found) > 1:
            yield story.finding("two-partitions", topic)
