"""Invariant 4, as far as evidence can prove it: no organisation stood still for as long as another one was down.

A wait has many causes: the organisation's own slowness and limits, an earlier command of the vehicle, a process that
was killed, a broker that was away. So a longer wait during somebody's outage proves nothing by itself, and how much
slower the others became is for the isolation bench to measure. Found here is only what has no other explanation. For
at least `LONG_S`

- one organisation answered nothing but failures, visibly, again and again;
- another, whose last answer had been good, was not called once, though commands whose turn had come lay waiting;
- records kept coming to Kafka;

and the calls began again when the first organisation had healed. It must also be three times as long as that
organisation ever stood still while nobody was down. Not judged: outages that are shorter, that nobody recorded or that
had not healed when the evidence was read, and whatever merely slowed down.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import Final

from .findings import Finding

LONG_S: Final = 10.0
_RESUMED_S: Final = 5.0
_UNUSUAL: Final = 3.0
_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an organisation. Moments are seconds since 1970."""

    began: float
    ended: float
    good: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """A command from when its turn had come to its first call."""

    free: float
    called: float


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time."""

    began: float
    ended: float

    @property
    def lasted(self) -> float:
        return self.ended - self.began

    def within(self, other: Span) -> Span:
        """What both have in common; of negative length where they have nothing."""
        return Span(max(self.began, other.began), min(self.ended, other.ended))


@dataclass(frozen=True, slots=True)
class Outage:
    """An organisation's failures in a row, from the first to the last, and its first good answer after them."""

    organisation: str
    seen: Span
    healed: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """All calls and waits by organisation, both in order of their beginning or call, and when Kafka took records."""

    calls: Mapping[str, Sequence[Call]] = field(default_factory=dict)
    waits: Mapping[str, Sequence[Wait]] = field(default_factory=dict)
    beats: Sequence[int] = ()


def isolation(traffic: Traffic) -> Iterator[Finding]:
    """Organisations that stood still because another one was down."""
    outages = [one for name, calls in traffic.calls.items() for one in _outages(name, calls)]
    long = [one for one in outages if one.seen.lasted >= LONG_S]
    for name in sorted(traffic.calls) if long else ():
        others = [one for one in outages if one.organisation != name]
        still = list(_standstills(traffic.calls[name], traffic.waits.get(name, ())))
        usual = max((one.lasted for one in still if not _overlaps(one, others)), default=0.0)
        for outage in long:
            if any(_is_coupled(one, outage, usual, traffic, name) for one in still):
                yield Finding("stood-still", f"{name}.commands", f"{outage.organisation} ({outage.seen.lasted:.0f} s)")


def _outages(name: str, calls: Sequence[Call]) -> Iterator[Outage]:
    failed: list[Call] = []
    for call in sorted(calls, key=attrgetter("ended")):
        if not call.good:
            failed.append(call)
        elif failed:
            yield Outage(name, Span(failed[0].ended, failed[-1].ended), call.ended)
            failed = []


def _standstills(calls: Sequence[Call], waits: Sequence[Wait]) -> Iterator[Span]:
    """Stretches without a call, from when the first of the commands that were called only later had its turn."""
    called = [wait.called for wait in waits]
    # The earliest turn among all that are called at that moment or later.
    earliest = list(accumulate((wait.free for wait in reversed(waits)), min))[::-1]
    busy_until = list(accumulate((call.ended for call in calls), max))
    for until, (_, following) in zip(busy_until, pairwise(calls), strict=False):
        place = bisect_left(called, following.began)
        if place < len(earliest):
            still = Span(max(until, earliest[place]), following.began)
            if still.lasted > 0:
                yield still


def _is_coupled(still: Span, outage: Outage, usual: float, traffic: Traffic, name: str) -> bool:
    common = still.within(outage.seen)
    if outage.organisation == name or common.lasted < LONG_S or still.lasted <= usual * _UNUSUAL:
        return False
    resumed = outage.seen.ended <= still.ended <= outage.healed + _RESUMED_S
    return resumed and _was_well(traffic.calls[name], still) and _beats_throughout(traffic.beats, common)


def _was_well(calls: Sequence[Call], still: Span) -> bool:
    before = [call for call in calls if call.ended <= still.began]
    after = [call for call in calls if call.began >= still.ended]
    return (not before or max(before, key=attrgetter("ended")).good) and bool(after) and after[0].good


def _beats_throughout(beats: Sequence[int], common: Span) -> bool:
    part = common.lasted / _PARTS
    edges = [common.began + part * number for number in range(_PARTS + 1)]
    return all(bisect_right(beats, end) > bisect_left(beats, begin) for begin, end in pairwise(edges))


def _overlaps(still: Span, outages: Sequence[Outage]) -> bool:
    return any(still.within(Span(one.seen.began, one.healed)).lasted > 0 for one in outages)
