"""What `unevaluatedProperties` and `unevaluatedItems` leave over: it depends on what else the value turned out to fit.

So the formula has a case for each outcome of those schemas that may or may not hold (branches of anyOf and oneOf, if,
dependentSchemas); in one case, the evaluated names are a fixed set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

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
class _Case:
    """One outcome, and what was evaluated in it."""

    outcome: tuple[Formula, ...]
    evaluated: _Evaluated


_Own = Callable[[Schema], _Evaluated]
_NOTHING: Final = _Evaluated()


def names_left(schema: Schema) -> Formula:
    """What `unevaluatedProperties` of this schema says."""
    rest = Claim(schema.keywords["unevaluatedProperties"], holds=True)

    def of_case(case: _Case) -> Formula:
        left = Keys(case.evaluated.names, case.evaluated.patterns, others=True)
        return t.All(case.outcome if case.evaluated.everything else (*case.outcome, t.Each(left, rest)))

    return t.Any(tuple(map(of_case, _cases(schema, _names_of, _names_of(schema)))))


def items_left(schema: Schema, reading: Reading) -> Formula:
    """What `unevaluatedItems` of this schema says."""
    rest = schema.keywords["unevaluatedItems"]

    def of_case(case: _Case) -> Formula:
        fits = Claim(reading.any_of((rest, *case.evaluated.fitting)), holds=True)
        left = t.Each(Range(case.evaluated.first), fits)
        return t.All(case.outcome if case.evaluated.everything else (*case.outcome, left))

    return t.Any(tuple(map(of_case, _cases(schema, _items_of, _items_of(schema)))))


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


def _cases(schema: Schema, own: _Own, evaluated: _Evaluated) -> Iterator[_Case]:
    """All outcomes of the schemas that look at the same value, each with what was evaluated in it."""
    for chosen in product(*_choices(schema, own)):
        left = evaluated
        for case in chosen:
            left |= case.evaluated
        yield _Case(tuple(part for case in chosen for part in case.outcome), left)


def _choices(schema: Schema, own: _Own) -> Iterator[list[_Case]]:
    keywords = schema.keywords
    for one in (*keywords.get("allOf", ()), *((keywords["$ref"],) if "$ref" in keywords else ())):
        yield _fitting(one, own)
    for one in (*keywords.get("anyOf", ()), *keywords.get("oneOf", ())):
        yield _perhaps(one, own)
    for name, one in keywords.get("dependentSchemas", {}).items():
        yield _perhaps(one, own, t.Has(name, holds=True))
    if "if" in keywords:
        yield list(_conditional(schema, own))


def _fitting(schema: Schema, own: _Own) -> list[_Case]:
    """It must fit, so what it evaluated counts."""
    return list(_cases(schema, own, _inside(schema, own)))


def _perhaps(schema: Schema, own: _Own, *conditions: Formula) -> list[_Case]:
    """It fits, with what it evaluated; or, at the end, it does not, or does not apply, and evaluated nothing."""
    fits = t.All((*conditions, t.This(Claim(schema, holds=True))))
    cases = [_Case((fits, *case.outcome), case.evaluated) for case in _fitting(schema, own)]
    return [*cases, _Case((t.denied(fits),), _NOTHING)]


def _conditional(schema: Schema, own: _Own) -> Iterator[_Case]:
    """What `if` evaluates counts if it fits, with that of `then`; else that of `else`."""
    keywords = schema.keywords
    *fits, fails = _perhaps(keywords["if"], own)
    for branch, name in ((fits, "then"), ([fails], "else")):
        followed = _fitting(keywords[name], own) if name in keywords else [_Case((), _NOTHING)]
        for case, more in product(branch, followed):
            yield _Case((*case.outcome, *more.outcome), case.evaluated | more.evaluated)
