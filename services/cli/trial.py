"""What a subscribers file would mean: which of its grants would be given, and what becomes of those in force."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from contracts.views.plan import CODE, judge
from contracts.views.subscriber import Grant, Subscriber, Subscribers
from services.projection.webhooks.addresses import Rules

Verdict = Literal["granted", "refused", "over", "spent"]
Standing = Mapping[str, Mapping[str, Any]]
"""By id, every grant that a running stack knows."""
LONG: Final = timedelta(days=10 * 366)
_ALIVE: Final = frozenset({"in-force", "not-yet", "no-topic", "ending"})


class Tried(NamedTuple):
    """One grant of the file. `is_new`: no running stack knows it."""

    grant: str
    subscriber: str
    verdict: Verdict
    faults: tuple[dict[str, str], ...]
    is_long: bool
    is_new: bool


class Posted(NamedTuple):
    """Where one subscriber is to be posted what it is told; `forbidden` is why it will not be, in a word."""

    subscriber: str
    host: str
    forbidden: str | None


def posted(file: Subscribers, rules: Rules) -> Iterator[Posted]:
    """Each address of a file, judged as before each post; what a name stands for is only judged there."""
    for one in file.subscribers:
        if one.webhook is not None:
            yield Posted(one.name, urlsplit(one.webhook.url).hostname or "", rules.forbids(one.webhook.url))


def tried(file: Subscribers, standing: Standing, now: datetime) -> Iterator[Tried]:
    """Each grant of a file, in its order."""
    for subscriber, grant in file.grants():
        faults = tuple(
            {"code": CODE, "field": one.field, "reason": one.why, "zh": one.zh, "en": one.en}
            for one in judge(subscriber, grant)
        )
        known = standing.get(grant.id)
        verdict = "refused" if faults else _verdict(subscriber, grant, known, now)
        is_long = grant.until is not None and grant.until - now > LONG
        yield Tried(grant.id, subscriber.name, verdict, faults, is_long, known is None)


def _verdict(subscriber: Subscriber, grant: Grant, known: Mapping[str, Any] | None, now: datetime) -> Verdict:
    if grant.until is not None and grant.until <= now:
        return "over"
    return "spent" if known is not None and _is_spent(subscriber, grant, known) else "granted"


def _is_spent(subscriber: Subscriber, grant: Grant, known: Mapping[str, Any]) -> bool:
    """Whether the id has ended, or would, because it stands for another subscriber or contract."""
    moved = (known["subscriber"], known["contract"]) != (subscriber.name, grant.contract)
    # What never began may be written anew.
    return (
        known["state"] not in _ALIVE | {"refused"}
        or known["ended_at"] is not None
        or (moved and known["opened_at"] is not None)
    )


def ending(trials: Iterable[Tried], standing: Standing) -> list[str]:
    """Of the grants that are in force those that the file would end, for good: it lacks them, or asks for too much."""
    kept = {one.grant for one in trials if one.verdict == "granted"}
    return [id_ for id_, known in standing.items() if known["state"] in _ALIVE and id_ not in kept]
