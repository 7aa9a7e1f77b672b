"""What a schema says of a value of one kind, as a formula of small facts, each of which can be denied."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

from services.compatibility import regular
from services.compatibility.reading import Schema
from services.compatibility.values import Frozen


class Claim(NamedTuple):
    """That a value fits a schema, or that it does not."""

    schema: Schema
    holds: bool

    @property
    def denied(self) -> Claim:
        return Claim(self.schema, not self.holds)


# -- formulas


@dataclass(frozen=True, slots=True)
class All:
    """Every part is so; without parts it is always true."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part is so; without parts it is never true."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class One:
    """Just one of these claims about the value is so, or not just one."""

    claims: tuple[Claim, ...]
    holds: bool


@dataclass(frozen=True, slots=True)
class This:
    """The value itself fits, or does not fit, a schema."""

    claim: Claim


# -- facts of numbers, texts, booleans


@dataclass(frozen=True, slots=True)
class Among:
    """The value is one of these scalars, or none of them."""

    values: frozenset[Frozen]
    holds: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """The number is on this side of a bound: `above` or below it, on it only if not `strict`."""

    at: Fraction
    above: bool
    strict: bool


@dataclass(frozen=True, slots=True)
class Multiple:
    """The number is a whole multiple of this one, or is not."""

    of: Fraction
    holds: bool


@dataclass(frozen=True, slots=True)
class Matches:
    """The pattern is found in the text, or is not."""

    pattern: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Formatted:
    """The text is of a format, or is not."""

    name: str
    holds: bool


# -- facts of texts, arrays and objects


@dataclass(frozen=True, slots=True)
class Size:
    """Characters, items or properties: at least `low`, at most `high`."""

    low: int
    high: int | None = None

    def __and__(self, other: Size) -> Size:
        """What is asked by both."""
        highs = [one.high for one in (self, other) if one.high is not None]
        return Size(max(self.low, other.low), min(highs, default=None))

    def __contains__(self, count: int) -> bool:
        return self.low <= count and (self.high is None or count <= self.high)

    @property
    def possible(self) -> bool:
        """Whether there is any such number."""
        return self.low in self


ANY_SIZE: Final = Size(0)


# -- facts of arrays


@dataclass(frozen=True, slots=True)
class Range:
    """Places in an array, from `start` to before `stop`."""

    start: int
    stop: int | None = None

    def __contains__(self, place: int) -> bool:
        return self.start <= place and (self.stop is None or place < self.stop)


@dataclass(frozen=True, slots=True)
class Enough:
    """At least so many items fit."""

    count: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class AtMost:
    """No more than so many items fit."""

    count: int
    claim: Claim


@dataclass(frozen=True, slots=True)
class Unique:
    """No two items are equal, or some are."""

    holds: bool


# -- facts of objects


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of properties: these and those in which one of the patterns is found; or all `others`."""

    names: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    others: bool = False

    def __contains__(self, name: str) -> bool:
        """Raises `regular.Irregular`."""
        inside = name in self.names or any(regular.matches(pattern, name) for pattern in self.patterns)
        return inside != self.others


@dataclass(frozen=True, slots=True)
class Has:
    """The property is there, or is not."""

    name: str
    holds: bool


@dataclass(frozen=True, slots=True)
class EachName:
    """Every name of a property fits."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class SomeName:
    """The name of some property fits."""

    claim: Claim


# -- facts of arrays and objects


@dataclass(frozen=True, slots=True)
class Each:
    """Whatever stands at one of these places fits."""

    places: Keys | Range
    claim: Claim


@dataclass(frozen=True, slots=True)
class Some:
    """Something stands at one of these places and fits."""

    places: Keys | Range
    claim: Claim


Fact = (
    Among
    | Bound
    | Multiple
    | Matches
    | Formatted
    | Size
    | Enough
    | AtMost
    | Unique
    | Has
    | EachName
    | SomeName
    | Each
    | Some
)
Formula = All | Any | One | This | Fact

ALWAYS: Final = All(())
NEVER: Final = Any(())


def denied(formula: Formula) -> Formula:  # noqa: C901, PLR0911, PLR0912 - one line a kind of fact
    """What is so when the formula is not."""
    match formula:
        case All(parts):
            return Any(tuple(map(denied, parts)))
        case Any(parts):
            return All(tuple(map(denied, parts)))
        case This(claim):
            return This(claim.denied)
        case One(claims, holds):
            return One(claims, not holds)
        case Among(values, holds):
            return Among(values, not holds)
        case Bound(at, above, strict):
            return Bound(at, not above, not strict)
        case Multiple(of, holds):
            return Multiple(of, not holds)
        case Matches(pattern, holds):
            return Matches(pattern, not holds)
        case Formatted(name, holds):
            return Formatted(name, not holds)
        case Size(low, high):
            outside = ((Size(0, low - 1),) if low else ()) + ((Size(high + 1),) if high is not None else ())
            return Any(outside)
        case Enough(count, claim):
            return AtMost(count - 1, claim) if count else NEVER
        case AtMost(count, claim):
            return Enough(count + 1, claim)
        case Unique(holds):
            return Unique(not holds)
        case Has(name, holds):
            return Has(name, not holds)
        case EachName(claim):
            return SomeName(claim.denied)
        case SomeName(claim):
            return EachName(claim.denied)
        case Each(places, claim):
            return Some(places, claim.denied)
        case Some(places, claim):
            return Each(places, claim.denied)
