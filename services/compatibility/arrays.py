"""Arrays: which length, which place serves which demand, and whether each place can be filled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.compatibility.outcome import NOTHING, Doubts, Found, Outcome, Problem, Solve, Unsure
from services.compatibility.reading import Reading
from services.compatibility.terms import ANY_SIZE, AtMost, Claim, Each, Enough, Fact, Range, Size, Some, Unique
from services.compatibility.values import Frozen

_LONGEST: Final = 20_000
_DISTINCT: Final = 40
_DEMANDS: Final = 100


_Demand = tuple[Range, Claim, int | None]
"""Where a place must be found, and for what; demands of one number need a place each."""


@dataclass(slots=True)
class _Asked:
    size: Size = ANY_SIZE
    each: list[tuple[Range, Claim]] = field(default_factory=list)
    some: list[tuple[Range, Claim]] = field(default_factory=list)
    enough: list[Enough] = field(default_factory=list)
    at_most: list[AtMost] = field(default_factory=list)
    unique: bool = False
    repeated: bool = False

    @property
    def longest(self) -> int:
        """No array needs more: behind the last boundary all places are alike, and one that serves no demand can go."""
        edges = [edge for places, _ in (*self.each, *self.some) for edge in (places.start, places.stop or 0)]
        demands = len(self.some) + sum(one.count for one in self.enough) + 2 * self.repeated
        longest = max(self.size.low, max(edges, default=0) + demands)
        return longest if self.size.high is None else min(longest, self.size.high)

    def at(self, place: int) -> Problem:
        """What is asked of whatever stands there."""
        return frozenset(claim for places, claim in self.each if place in places)

    @property
    def demands(self) -> list[_Demand]:
        """Places that must be found."""
        found: list[_Demand] = [(places, claim, None) for places, claim in self.some]
        for number, one in enumerate(self.enough):
            found += [(Range(0), one.claim, number)] * one.count
        return found


def an_array(facts: Sequence[Fact], solve: Solve, reading: Reading) -> Outcome:
    """An array of which all facts are so."""
    asked = _asked(facts)
    doubts = Doubts()
    if asked.unique and asked.repeated:
        return NOTHING
    if asked.longest > _LONGEST:
        return Unsure(f"arrays of {asked.longest} items")
    if len(asked.demands) > _DEMANDS:
        return Unsure(f"arrays with {len(asked.demands)} items that must be found")
    for length in range(asked.size.low, asked.longest + 1):
        for filled in _ways(asked, length, solve, doubts):
            outcome = _items(asked, filled, solve, reading)
            if isinstance(outcome, Found):
                return outcome
            doubts.hear(outcome)
    return doubts.verdict()


def _asked(facts: Sequence[Fact]) -> _Asked:
    asked = _Asked()
    for fact in facts:
        match fact:
            case Size():
                asked.size &= fact
            case Each(Range() as places, claim):
                asked.each.append((places, claim))
            case Some(Range() as places, claim):
                asked.some.append((places, claim))
            case Enough():
                asked.enough.append(fact)
            case AtMost():
                asked.at_most.append(fact)
            case Unique(holds):
                asked.unique, asked.repeated = asked.unique or holds, asked.repeated or not holds
    return asked


def _ways(asked: _Asked, length: int, solve: Solve, doubts: Doubts) -> Iterator[list[Problem]]:
    """Ways to give each demand a place; each way is the problem of every place."""
    start = [asked.at(place) for place in range(length)]
    for filled in _placed(asked.demands, start, 0, solve, doubts):
        for same in _equal_pairs(asked, filled):
            yield from _limited(asked, same, solve, doubts)


def _placed(
    demands: list[_Demand], filled: list[Problem], begin: int, solve: Solve, doubts: Doubts
) -> Iterator[list[Problem]]:
    """Demands of one number follow one another, and take their places from `begin` in order."""
    if not demands:
        yield filled
        return
    (places, claim, number), *rest = demands
    later = tuple(dict.fromkeys(where for where, _, _ in rest))
    tried: set[tuple[Problem, tuple[bool, ...]]] = set()
    for place, problem in enumerate(filled[begin:], start=begin):
        # Places are alike of which the same is asked, and that can serve the same demands later.
        alike = (problem, tuple(place in where for where in later))
        if place not in places or alike in tried:
            continue
        tried.add(alike)
        if _can(problem, claim, solve, doubts):
            changed = [*filled[:place], problem | {claim}, *filled[place + 1 :]]
            again = number is not None and bool(rest) and rest[0][2] == number
            yield from _placed(rest, changed, place + 1 if again else 0, solve, doubts)


def _equal_pairs(asked: _Asked, filled: list[Problem]) -> Iterator[list[Problem]]:
    """Where two items must be equal, both get what is asked of either; marked so that they get one value."""
    if not asked.repeated:
        yield filled
        return
    for first in range(len(filled)):
        for second in range(first + 1, len(filled)):
            both = filled[first] | filled[second]
            yield [both if place in {first, second} else problem for place, problem in enumerate(filled)]


def _limited(asked: _Asked, filled: list[Problem], solve: Solve, doubts: Doubts) -> Iterator[list[Problem]]:
    """Let no more fit than may: the others are made otherwise."""
    if asked.unique or len(asked.at_most) > 1:
        yield from _spared(asked.at_most, filled, solve, doubts)
        return
    for limit in asked.at_most:
        # Nothing but the limit joins the places, so each that can be otherwise is.
        filled = [one | {limit.claim.denied} if _can(one, limit.claim.denied, solve, doubts) else one for one in filled]
        if sum(limit.claim.denied not in one for one in filled) > limit.count:
            return
    yield filled


def _can(problem: Problem, claim: Claim, solve: Solve, doubts: Doubts) -> bool:
    outcome = solve(problem | {claim})
    doubts.hear(outcome)
    return isinstance(outcome, Found)


def _spared(limits: Sequence[AtMost], filled: list[Problem], solve: Solve, doubts: Doubts) -> Iterator[list[Problem]]:
    """Every way to leave as many places as they are as may fit: what one is made, another may have needed to be."""
    if not limits:
        yield filled
        return
    limit, denied = limits[0], limits[0].claim.denied
    places: dict[Problem, list[int]] = {}
    for place, problem in enumerate(filled):
        places.setdefault(problem, []).append(place)
    groups = [(alike, 0 if _can(problem, denied, solve, doubts) else len(alike)) for problem, alike in places.items()]
    for left in _picked(groups, min(limit.count, len(filled))):
        changed = [one if place in left else one | {denied} for place, one in enumerate(filled)]
        yield from _spared(limits[1:], changed, solve, doubts)


def _picked(groups: Sequence[tuple[list[int], int]], count: int) -> Iterator[frozenset[int]]:
    """So many places, of each group of like ones the first, and at least so many of it."""
    if not groups:
        yield from (frozenset(),) if not count else ()
        return
    (places, least), *rest = groups
    most = min(len(places), count - sum(needed for _, needed in rest))
    least = max(least, count - sum(len(others) for others, _ in rest))
    for taken in range(most, least - 1, -1):
        yield from (frozenset(places[:taken]) | more for more in _picked(rest, count - taken))


def _items(asked: _Asked, filled: list[Problem], solve: Solve, reading: Reading) -> Outcome:
    if asked.unique and len(filled) > 1:
        return _different(filled, solve, reading)
    values: list[Frozen] = []
    for problem in filled:
        outcome = solve(problem)
        if not isinstance(outcome, Found):
            return outcome
        values.append(outcome.value)
    if asked.repeated and len(set(values)) == len(values):
        return Unsure("two equal items were not met")
    return Found(Frozen("array", tuple(values)))


def _different(filled: list[Problem], solve: Solve, reading: Reading) -> Outcome:
    """One value a place, no two alike: as many values of each place as there are places are enough to tell."""
    if len(filled) > _DISTINCT:
        return Unsure(f"{len(filled)} items that all differ")
    doubts = Doubts()
    offers = {problem: list(_values(problem, len(filled), solve, reading, doubts)) for problem in set(filled)}
    chosen = _matched([offers[problem] for problem in filled])
    return doubts.verdict() if chosen is None else Found(Frozen("array", tuple(chosen)))


def _values(problem: Problem, most: int, solve: Solve, reading: Reading, doubts: Doubts) -> Iterator[Frozen]:
    met: tuple[Frozen, ...] = ()
    while len(met) < most:
        outcome = solve(problem | {Claim(reading.of_values(met), holds=False)} if met else problem)
        if not isinstance(outcome, Found):
            doubts.hear(outcome)
            return
        met = (*met, outcome.value)
        yield outcome.value


def _matched(offers: Sequence[Sequence[Frozen]]) -> list[Frozen] | None:
    """One value of each offer, no value twice, where that can be: by augmenting paths."""
    taken: dict[Frozen, int] = {}

    def place(at: int, tried: set[Frozen]) -> bool:
        for value in offers[at]:
            if value in tried:
                continue
            tried.add(value)
            if value not in taken or place(taken[value], tried):
                taken[value] = at
                return True
        return False

    if not all(place(at, set()) for at in range(len(offers))):
        return None
    chosen = {at: value for value, at in taken.items()}
    return [chosen[at] for at in range(len(offers))]
