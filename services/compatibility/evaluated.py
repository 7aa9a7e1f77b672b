"""What `unevaluatedProperties` and `unevaluatedItems` leave over: it depends on what else the value turned out to fit.

Each schema that looks at the same value is a source: under a condition (always, that a branch fits, that `if` fits) it
evaluates some names or places. One name or place at a time, it is then evaluated by a source whose condition is so, or
fits the keyword. Where a source speaks of patterns or of items that fit something, its condition is taken both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

from services.compatibility import terms as t
from services.compatibility.reading import Reading, Schema
from services.compatibility.terms import Claim, Formula, Keys, Range


@dataclass(frozen=True, slots=True)
class _Evaluated:
    """Names of properties, and those that match; the first so many items, and those that fit one of some schemas."""

    names: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    first: int = 0
    fitting: tuple[Schema, ...] = ()
    everything: bool = False

    def __or__(self, other: _Evaluated) -> _Evaluated:
        return _Evaluated(
            self.names | other.names,
            self.patterns | other.patterns,
            max(self.first, other.first),
            (*self.fitting, *(one for one in other.fitting if one not in self.fitting)),
            self.everything or other.everything,
        )


@dataclass(frozen=True, slots=True)
class _Source:
    """What is evaluated if the condition is so."""

    condition: Formula
    evaluated: _Evaluated


_Own = Callable[[Schema], _Evaluated]


def names_left(schema: Schema) -> Formula:
    """What `unevaluatedProperties` of this schema says."""
    rest = Claim(schema.keywords["unevaluatedProperties"], holds=True)
    return t.Any(tuple(_names(case, rest) for case in _cases(schema, _names_of)))


def items_left(schema: Schema, reading: Reading) -> Formula:
    """What `unevaluatedItems` of this schema says."""
    rest = schema.keywords["unevaluatedItems"]
    return t.Any(tuple(_items(case, rest, reading) for case in _cases(schema, _items_of)))


@dataclass(frozen=True, slots=True)
class _Case:
    """What is so in this case, what is evaluated in any event, and what else on a condition."""

    outcome: tuple[Formula, ...]
    evaluated: _Evaluated
    perhaps: tuple[_Source, ...]

    def unless(self, evaluates: Callable[[_Evaluated], bool], else_: Formula) -> Formula:
        """Some source evaluates it, or else."""
        conditions = (source.condition for source in self.perhaps if evaluates(source.evaluated))
        return t.Any((*conditions, else_))


def _cases(schema: Schema, own: _Own) -> Iterator[_Case]:
    """One case, but for the sources whose condition must be known."""
    sources = list(_sources(schema, own))
    certain = [source for source in sources if source.condition == t.ALWAYS]
    perhaps = [source for source in sources if source.condition != t.ALWAYS]
    plain = tuple(one for one in perhaps if not one.evaluated.patterns and not one.evaluated.fitting)
    asked = [one for one in perhaps if one not in plain]
    for signs in product((True, False), repeat=len(asked)):
        evaluated = own(schema)
        for source in (*certain, *(one for one, sign in zip(asked, signs, strict=True) if sign)):
            evaluated |= source.evaluated
        outcome = tuple(
            source.condition if sign else t.denied(source.condition) for source, sign in zip(asked, signs, strict=True)
        )
        yield _Case(outcome, evaluated, plain)


def _names(case: _Case, rest: Claim) -> Formula:
    known = case.evaluated
    if known.everything:
        return t.All(case.outcome)
    mentioned = known.names.union(*(source.evaluated.names for source in case.perhaps))
    others = t.Each(Keys(mentioned, known.patterns, others=True), rest)
    parts = [case.unless(lambda evaluated: evaluated.everything, others)]
    for name in sorted(mentioned - known.names):
        if name in Keys(patterns=known.patterns):
            continue
        itself = t.Each(Keys(frozenset({name})), rest)
        parts.append(case.unless(partial(_evaluates_name, name), itself))
    return t.All((*case.outcome, *parts))


def _evaluates_name(name: str, evaluated: _Evaluated) -> bool:
    return evaluated.everything or name in evaluated.names


def _items(case: _Case, rest: Schema, reading: Reading) -> Formula:
    known = case.evaluated
    if known.everything:
        return t.All(case.outcome)
    fits = Claim(reading.any_of((rest, *known.fitting)), holds=True)
    last = max([known.first, *(source.evaluated.first for source in case.perhaps)])
    parts = [case.unless(lambda evaluated: evaluated.everything, t.Each(Range(last), fits))]
    for place in range(known.first, last):
        itself = t.Each(Range(place, place + 1), fits)
        parts.append(case.unless(partial(_evaluates_place, place), itself))
    return t.All((*case.outcome, *parts))


def _evaluates_place(place: int, evaluated: _Evaluated) -> bool:
    return evaluated.everything or place < evaluated.first


def _names_of(schema: Schema) -> _Evaluated:
    """What the keywords beside it evaluate."""
    keywords = schema.keywords
    names, patterns = keywords.get("properties", {}), keywords.get("patternProperties", {})
    return _Evaluated(frozenset(names), frozenset(patterns), everything="additionalProperties" in keywords)


def _items_of(schema: Schema) -> _Evaluated:
    keywords = schema.keywords
    fitting = (keywords["contains"],) if "contains" in keywords else ()
    first = len(keywords.get("prefixItems", ()))
    return _Evaluated(first=first, fitting=fitting, everything="items" in keywords)


def _inside(schema: Schema, own: _Own) -> _Evaluated:
    """What a schema evaluates for one around it: by its own `unevaluated…` everything."""
    keyword = "unevaluatedProperties" if own is _names_of else "unevaluatedItems"
    return own(schema) | _Evaluated(everything=keyword in schema.keywords)


def _sources(schema: Schema, own: _Own, *conditions: Formula) -> Iterator[_Source]:
    """The schemas that look at the same value, with those inside them, each on all conditions that it stands under."""
    keywords = schema.keywords
    for one in (*keywords.get("allOf", ()), *((keywords["$ref"],) if "$ref" in keywords else ())):
        yield from _source(one, own, *conditions)
    for one in (*keywords.get("anyOf", ()), *keywords.get("oneOf", ())):
        yield from _source(one, own, *conditions, _fits(one))
    for name, one in keywords.get("dependentSchemas", {}).items():
        yield from _source(one, own, *conditions, t.Has(name, holds=True))
    if "if" in keywords:
        condition = keywords["if"]
        yield from _source(condition, own, *conditions, _fits(condition))
        for name, holds in (("then", True), ("else", False)):
            if name in keywords:
                yield from _source(keywords[name], own, *conditions, _fits(condition, holds=holds))


def _source(schema: Schema, own: _Own, *conditions: Formula) -> Iterator[_Source]:
    yield _Source(t.All(conditions), _inside(schema, own))
    yield from _sources(schema, own, *conditions)


def _fits(schema: Schema, *, holds: bool = True) -> Formula:
    return t.This(Claim(schema, holds))
