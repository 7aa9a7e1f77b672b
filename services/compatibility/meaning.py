"""From a schema to the formula of what it says about values of one kind. Keywords for other kinds say nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from services.compatibility import terms as t
from services.compatibility.evaluated import items_left, names_left
from services.compatibility.reading import Reading, Schema
from services.compatibility.terms import Claim, Formula, Keys, Range
from services.compatibility.values import Frozen, Kind


def meaning(schema: Schema, kind: Kind, reading: Reading) -> Formula:
    """What a value of this kind must be to fit."""
    keywords = schema.keywords
    parts = list(_of_any_kind(keywords, kind, reading))
    for name, say in _SAYINGS[kind].items():
        if name in keywords:
            parts.append(say(keywords[name]))
    parts += _STRUCTURES[kind](schema, reading)
    return t.All(tuple(parts))


# -- whatever the kind


def _of_any_kind(keywords: Mapping[str, Any], kind: Kind, reading: Reading) -> Iterator[Formula]:
    if "type" in keywords:
        yield _typed(keywords["type"], kind)
    for name in ("enum", "const"):
        if name in keywords:
            yield _one_of(keywords[name], kind, reading)
    for name, say in _IN_PLACE.items():
        if name in keywords:
            yield say(keywords[name])
    if "if" in keywords:
        yield from _conditional(keywords)


def _typed(types: frozenset[str], kind: Kind) -> Formula:
    if kind in types:
        return t.ALWAYS
    return t.Multiple(Fraction(1), holds=True) if kind == "number" and "integer" in types else t.NEVER


def _one_of(values: frozenset[Frozen], kind: Kind, reading: Reading) -> Formula:
    fitting = frozenset(value for value in values if value.kind == kind)
    if kind in {"array", "object"}:
        return t.Any(tuple(_equals(value, reading) for value in sorted(fitting, key=repr)))
    return t.Among(fitting, holds=True)


def _equals(value: Frozen, reading: Reading) -> Formula:
    """Equality with an array or an object, item by item."""
    parts: list[Formula] = []
    if value.kind == "array":
        size = len(value.content)
        parts.append(t.Size(size, size))
        parts += [
            t.Each(Range(place, place + 1), Claim(reading.of_values((one,)), holds=True))
            for place, one in enumerate(value.content)
        ]
    else:
        names = frozenset(name for name, _ in value.content)
        parts.append(t.Each(Keys(names, others=True), Claim(reading.nothing, holds=True)))
        for name, one in sorted(value.content, key=lambda pair: pair[0]):
            parts.append(t.Has(name, holds=True))
            parts.append(t.Each(Keys(frozenset({name})), Claim(reading.of_values((one,)), holds=True)))
    return t.All(tuple(parts))


def _this(schema: Schema, *, holds: bool = True) -> Formula:
    return t.This(Claim(schema, holds))


def _conditional(keywords: Mapping[str, Any]) -> Iterator[Formula]:
    condition = keywords["if"]
    then = (_this(keywords["then"]),) if "then" in keywords else ()
    otherwise = (_this(keywords["else"]),) if "else" in keywords else ()
    if then or otherwise:
        yield t.Any((t.All((_this(condition), *then)), t.All((_this(condition, holds=False), *otherwise))))


_IN_PLACE: Final[Mapping[str, Callable[[Any], Formula]]] = {
    "$ref": _this,
    "allOf": lambda schemas: t.All(tuple(map(_this, schemas))),
    "anyOf": lambda schemas: t.Any(tuple(map(_this, schemas))),
    "oneOf": lambda schemas: t.One(tuple(Claim(schema, holds=True) for schema in schemas), holds=True),
    "not": lambda schema: _this(schema, holds=False),
}


# -- numbers, texts, and the sizes of things

_NUMBERS: Final[Mapping[str, Callable[[Any], Formula]]] = {
    "minimum": lambda at: t.Bound(at, above=True, strict=False),
    "exclusiveMinimum": lambda at: t.Bound(at, above=True, strict=True),
    "maximum": lambda at: t.Bound(at, above=False, strict=False),
    "exclusiveMaximum": lambda at: t.Bound(at, above=False, strict=True),
    "multipleOf": lambda of: t.Multiple(of, holds=True),
}
_TEXTS: Final[Mapping[str, Callable[[Any], Formula]]] = {
    "minLength": t.Size,
    "maxLength": lambda most: t.Size(0, most),
    "pattern": lambda pattern: t.Matches(pattern, holds=True),
    "format": lambda name: t.Formatted(name, holds=True),
}
_ARRAYS: Final[Mapping[str, Callable[[Any], Formula]]] = {
    "minItems": t.Size,
    "maxItems": lambda most: t.Size(0, most),
    "uniqueItems": lambda said: t.Unique(holds=True) if said else t.ALWAYS,
}
_OBJECTS: Final[Mapping[str, Callable[[Any], Formula]]] = {
    "minProperties": t.Size,
    "maxProperties": lambda most: t.Size(0, most),
    "required": lambda names: t.All(tuple(t.Has(name, holds=True) for name in sorted(names))),
    "propertyNames": lambda schema: t.EachName(Claim(schema, holds=True)),
    "dependentRequired": lambda said: t.All(tuple(_needs(name, names) for name, names in sorted(said.items()))),
    "dependentSchemas": lambda said: t.All(
        tuple(t.Any((t.Has(name, holds=False), _this(schema))) for name, schema in sorted(said.items()))
    ),
}
_SAYINGS: Final[Mapping[Kind, Mapping[str, Callable[[Any], Formula]]]] = {
    "null": {},
    "boolean": {},
    "number": _NUMBERS,
    "string": _TEXTS,
    "array": _ARRAYS,
    "object": _OBJECTS,
}


def _needs(name: str, names: frozenset[str]) -> Formula:
    needed = t.All(tuple(t.Has(other, holds=True) for other in sorted(names)))
    return t.Any((t.Has(name, holds=False), needed))


# -- what stands in arrays and objects


def _nothing_inside(schema: Schema, reading: Reading) -> Iterator[Formula]:
    del schema, reading
    yield from ()


def _items(schema: Schema, reading: Reading) -> Iterator[Formula]:
    keywords = schema.keywords
    first = keywords.get("prefixItems", ())
    for place, one in enumerate(first):
        yield t.Each(Range(place, place + 1), Claim(one, holds=True))
    if "items" in keywords:
        yield t.Each(Range(len(first)), Claim(keywords["items"], holds=True))
    if "contains" in keywords:
        fits = Claim(keywords["contains"], holds=True)
        yield t.Enough(keywords.get("minContains", 1), fits)
        if "maxContains" in keywords:
            yield t.AtMost(keywords["maxContains"], fits)
    if "unevaluatedItems" in keywords:
        yield items_left(schema, reading)


def _properties(schema: Schema, reading: Reading) -> Iterator[Formula]:
    del reading
    keywords = schema.keywords
    names, patterns = keywords.get("properties", {}), keywords.get("patternProperties", {})
    for name, one in names.items():
        yield t.Each(Keys(frozenset({name})), Claim(one, holds=True))
    for pattern, one in patterns.items():
        yield t.Each(Keys(patterns=frozenset({pattern})), Claim(one, holds=True))
    if "additionalProperties" in keywords:
        known = Keys(frozenset(names), frozenset(patterns), others=True)
        yield t.Each(known, Claim(keywords["additionalProperties"], holds=True))
    if "unevaluatedProperties" in keywords:
        yield names_left(schema)


_STRUCTURES: Final[Mapping[Kind, Callable[[Schema, Reading], Iterator[Formula]]]] = {
    "null": _nothing_inside,
    "boolean": _nothing_inside,
    "number": _nothing_inside,
    "string": _nothing_inside,
    "array": _items,
    "object": _properties,
}
