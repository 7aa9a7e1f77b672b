"""Invariant 5 for a command under way: it is dead with an owner, parked with a next try, or held by a breaker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from .findings import Finding
from .queues import Queues
from .story import Spoken, Story


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of the whole installation at the end: how far queues got, and who is held back."""

    queues: Queues
    held: frozenset[str] = frozenset()


def deliveries(story: Story, outlook: Outlook) -> Iterator[Finding]:
    """Every command that came to no end says, truthfully, what it waits for.

    Whether an open breaker ever probes cannot be told: an organisation that is away writes no list of requests.
    """
    letters = {one.told["delivery_id"] for one in story.named("delivery.changed") if one.topic.endswith(".dead")}
    for command, before in _queued(story):
        last = story.deliveries.get(command.id)
        match last.told["state"] if last else None:
            case "dead":
                yield from _dead(story, outlook, command, letters)
            case "parked" if _is_stranded(story, outlook, command, before):
                yield story.finding("parked-for-ever", story.deliveries[command.id].where, command.name, command.case)
            case None if _is_forgotten(story, outlook, command, before):
                yield story.finding("waits-unheld", command.where, command.name, command.case)


def turns(story: Story) -> Iterator[tuple[str, str, float]]:
    """Every command whose turn came, its organisation, and when that was, in seconds since 1970."""
    for command, before in _queued(story):
        free_since = _free_since(story, command, before)
        if free_since is not None:
            yield command.id, _organisation(command), free_since


def _queued(story: Story) -> Iterator[tuple[Spoken, Spoken | None]]:
    """Every command with the one before it at the same organisation."""
    before: dict[str, Spoken] = {}
    for command in story.commands.values():
        yield command, before.get(command.topic)
        before[command.topic] = command


def _dead(story: Story, outlook: Outlook, command: Spoken, letters: set[str]) -> Iterator[Finding]:
    last = story.deliveries[command.id]
    if not (last.told["owner"] and last.told["failure"]):
        yield story.finding("dead-unowned", last.where, command.name, command.case)
    if command.id not in letters and outlook.queues.is_old(last.sent):
        yield story.finding("dead-untold", last.where, command.name, command.case)


def _is_stranded(story: Story, outlook: Outlook, command: Spoken, before: Spoken | None) -> bool:
    """Parked without a next try, or with one that is over, though its organisation and its turn have come."""
    free_since = _free_since(story, command, before)
    if free_since is None:
        return False
    last = story.deliveries[command.id]
    next_try = last.told["next_try_at"]
    if next_try is None:
        return outlook.queues.is_old(max(free_since, last.sent))
    return outlook.queues.is_old(datetime.fromisoformat(next_try).timestamp()) and not _is_held(outlook, command)


def _is_forgotten(story: Story, outlook: Outlook, command: Spoken, before: Spoken | None) -> bool:
    free_since = _free_since(story, command, before)
    if free_since is None or _is_held(outlook, command):
        return False
    return outlook.queues.forgot(command.topic, *command.at, free_since)


def _free_since(story: Story, command: Spoken, before: Spoken | None) -> float | None:
    """When its turn came, in seconds since 1970; None while it stands behind another of its vehicle."""
    if before is None:
        return command.sent
    ended = story.ended(before.id)
    return None if ended is None else max(ended, command.sent)


def _is_held(outlook: Outlook, command: Spoken) -> bool:
    return _organisation(command) in outlook.held


def _organisation(command: Spoken) -> str:
    return command.topic.removesuffix(".commands")
