"""Numbers between bounds, on and off grids: decided exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, gcd, lcm
from typing import Final

from services.compatibility.outcome import NOTHING, Found, Outcome, Unsure
from services.compatibility.terms import Among, Bound, Fact, Multiple
from services.compatibility.values import Frozen

_TRIED: Final = 100_000


@dataclass(slots=True)
class _Wanted:
    low: Bound | None = None
    high: Bound | None = None
    grids: list[Fraction] = field(default_factory=list)
    off: list[Fraction] = field(default_factory=list)
    among: set[Fraction] | None = None
    barred: set[Fraction] = field(default_factory=set)

    def fits(self, number: Fraction) -> bool:
        """Whether a number is as wanted; asks all but `among`."""
        return (
            _beyond(number, self.low)
            and _beyond(number, self.high)
            and all((number / grid).denominator == 1 for grid in self.grids)
            and all((number / grid).denominator != 1 for grid in self.off)
            and number not in self.barred
        )


def a_number(facts: Sequence[Fact]) -> Outcome:
    """A number of which all facts are so."""
    wanted = _wanted(facts)
    try:
        found = next((number for number in _candidates(wanted) if wanted.fits(number)), None)
    except _TooMany:
        return Unsure("the numbers repeat only after very many")
    return NOTHING if found is None else Found(Frozen("number", found))


class _TooMany(RuntimeError):
    pass


def _wanted(facts: Sequence[Fact]) -> _Wanted:
    wanted = _Wanted()
    for fact in facts:
        match fact:
            case Bound(_, True, _):
                wanted.low = _tighter(wanted.low, fact)
            case Bound():
                wanted.high = _tighter(wanted.high, fact)
            case Multiple(of, holds):
                (wanted.grids if holds else wanted.off).append(of)
            case Among(values, True):
                numbers = {value.content for value in values}
                wanted.among = numbers if wanted.among is None else wanted.among & numbers
            case Among(values, _):
                wanted.barred |= {value.content for value in values}
    return wanted


def _tighter(one: Bound | None, other: Bound) -> Bound:
    if one is None or one.at == other.at:
        return other if one is None or other.strict else one
    return other if (other.at > one.at) == other.above else one


def _beyond(number: Fraction, bound: Bound | None) -> bool:
    if bound is None:
        return True
    if number == bound.at:
        return not bound.strict
    return (number > bound.at) == bound.above


def _candidates(wanted: _Wanted) -> Iterable[Fraction]:
    """Numbers among which there is one that fits, if any fits."""
    if wanted.among is not None:
        return sorted(wanted.among)
    if wanted.grids:
        return _on_grid(wanted)
    return _anywhere(wanted)


def _on_grid(wanted: _Wanted) -> Iterator[Fraction]:
    """Multiples of the common grid, simple ones first; what else is asked of them repeats with a period."""
    grid = wanted.grids[0]
    for other in wanted.grids[1:]:
        grid = _common(grid, other)
    period = lcm(1, *((grid / other).denominator for other in wanted.off))
    first = None if wanted.low is None else ceil(wanted.low.at / grid)
    last = None if wanted.high is None else floor(wanted.high.at / grid)
    # One period, the barred ones anew, and the two ends that a strict bound may take away.
    needed = period * (len(wanted.barred) + 1) + 2
    if needed > _TRIED and (first is None or last is None or last - first > _TRIED):
        raise _TooMany
    if first is not None:
        end = first + needed if last is None else min(last, first + needed)
        return (grid * step for step in range(first, end + 1))
    top = needed if last is None else last
    return (grid * step for step in (range(needed + 1) if last is None else range(top, top - needed - 1, -1)))


def _common(one: Fraction, other: Fraction) -> Fraction:
    """The smallest number that is a multiple of both."""
    return Fraction(lcm(one.numerator, other.numerator), gcd(one.denominator, other.denominator))


def _anywhere(wanted: _Wanted) -> Iterator[Fraction]:
    """Between two bounds, the ends first, then finer decimals, until so many that not all of them can be barred."""
    low, high = wanted.low, wanted.high
    if low is not None and high is not None and low.at >= high.at:
        yield from ((low.at,) if low.at == high.at else ())
        return
    begin = low.at if low is not None else (high.at - 1 if high is not None else Fraction(0))
    end = high.at if high is not None else begin + 1
    yield from (begin, end)
    yield Fraction(floor(begin) + 1)
    # Of ten neighbours four end in 1, 3, 7 or 9: with more digits than a grid has, they are off it.
    places = 10 * (len(wanted.barred) + 1)
    coarsest = _digits(end - begin)
    finest = coarsest + len(str(places))
    off = max((grid.denominator.bit_length() for grid in wanted.off), default=0)
    for digits in (*range(coarsest, finest + 1), max(off, finest)):
        step = Fraction(1, 10**digits)
        at = floor(begin / step) + 1
        yield from (number for place in range(places) if (number := (at + place) * step) < end)


def _digits(width: Fraction) -> int:
    """After the point, of the first decimals that fall between two ends so far apart."""
    return max(1, len(str(width.denominator // width.numerator)))
