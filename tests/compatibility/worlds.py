"""A small world in which schemas meet: few names, numbers and texts, so that their keywords touch one another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from hypothesis import strategies as st

NAMES: Final = ("a", "b", "ab")
SCALARS: Final = (None, False, True, 0, 1, 2, 3, -1, 0.5, 1.5, "", "a", "b", "ab", "ba", "a1", "2026-11-21")
PATTERNS: Final = ("a", "^a", "b$", "^[ab]*$", "^a?$", "^.{2}$", "^(?:ab)+$", r"\d")
FORMATS: Final = ("date", "ipv4", "uuid", "date-time")
TYPES: Final = ("null", "boolean", "integer", "number", "string", "array", "object")


def values() -> list[Any]:
    """Several thousand small values: every scalar, and what few of them make."""
    return list(_values())


def _values() -> Iterator[Any]:
    yield from SCALARS
    few = (None, True, 0, 1, 1.5, "", "a", "ab")
    for length in range(4):
        yield from (list(items) for items in product(few[: 8 - 2 * length + 2], repeat=length))
    for names in ((), ("a",), ("b",), ("ab",), ("c",), ("a", "b"), ("a", "ab"), ("a", "c"), ("a", "b", "c")):
        yield from (dict(zip(names, items, strict=True)) for items in product(few[:6], repeat=len(names)))
    inside: tuple[Any, ...] = ([], [0], {"a": 1}, {})
    yield from ([inner, 0] for inner in inside)
    yield from ([inner, inner] for inner in inside)
    yield from ({"a": inner} for inner in ([], [0], [1, 1], {}, {"a": 1}, {"b": "a"}, {"a": {"a": 0}}))


@st.composite
def schemas(draw: st.DrawFn, depth: int = 2) -> Any:
    """A schema of the profile, mostly with keywords that go together."""
    if draw(st.integers(0, 11)) == 0:
        return draw(st.booleans())
    keywords: dict[str, Any] = {}
    if draw(st.booleans()):
        keywords["type"] = draw(
            st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True)
        )
    for group in draw(st.lists(st.sampled_from(_GROUPS), min_size=1, max_size=2)):
        keywords |= draw(group(depth))
    return keywords


def _some(options: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=options).map(
        lambda found: dict(list(found.items())[:3]) if len(found) > 3 else found
    )


_COUNTS: Final = st.integers(0, 3)
_NUMBERS: Final = st.sampled_from([0, 1, 2, 3, 0.5, 1.5, -1])
_LITERALS: Final = st.sampled_from([*SCALARS, 1.0, [], [1], ["a", 1], {}, {"a": 1}, {"a": "a", "b": 0}])


def _numbers(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    del depth
    bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    return _some({**dict.fromkeys(bounds, _NUMBERS), "multipleOf": st.sampled_from([1, 2, 3, 0.5, 1.5])})


def _texts(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    del depth
    return _some(
        {
            "minLength": _COUNTS,
            "maxLength": _COUNTS,
            "pattern": st.sampled_from(PATTERNS),
            "format": st.sampled_from(FORMATS),
        }
    )


def _literals(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    del depth
    return _some({"enum": st.lists(_LITERALS, min_size=1, max_size=4), "const": _LITERALS})


def _inner(depth: int) -> st.SearchStrategy[Any]:
    return schemas(depth - 1) if depth else st.booleans() | st.sampled_from([{"type": "integer"}, {"type": "string"}])


def _arrays(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    inner = _inner(depth)
    return _some(
        {
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "contains": inner,
            "minContains": st.integers(0, 2),
            "maxContains": st.integers(0, 2),
            "minItems": _COUNTS,
            "maxItems": _COUNTS,
            "uniqueItems": st.booleans(),
            "unevaluatedItems": inner,
        }
    )


def _objects(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    inner, names = _inner(depth), st.sampled_from(NAMES)
    return _some(
        {
            "properties": st.dictionaries(names, inner, min_size=1, max_size=2),
            "required": st.lists(names, min_size=1, max_size=2, unique=True),
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(st.sampled_from(PATTERNS[:4]), inner, min_size=1, max_size=1),
            "propertyNames": st.sampled_from([{"maxLength": 1}, {"pattern": "^a"}, {"enum": ["a", "b"]}, True, False]),
            "minProperties": st.integers(0, 2),
            "maxProperties": st.integers(0, 2),
            "dependentRequired": st.dictionaries(
                names, st.lists(names, max_size=2, unique=True), min_size=1, max_size=1
            ),
            "dependentSchemas": st.dictionaries(names, inner, min_size=1, max_size=1),
            "unevaluatedProperties": inner,
        }
    )


def _logic(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    inner = _inner(depth)
    several = st.lists(inner, min_size=1, max_size=3)
    return _some(
        {**dict.fromkeys(("anyOf", "oneOf", "allOf"), several), **dict.fromkeys(("not", "if", "then", "else"), inner)}
    )


_GROUPS: Final = (_numbers, _texts, _literals, _arrays, _objects, _objects, _logic, _logic)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two schemas: unrelated, or one a part of, or with something more than, the other."""
    old = draw(schemas())
    way = draw(st.integers(0, 4))
    if way == 0:
        return old, draw(schemas())
    if way == 1:
        return {"allOf": [old, draw(schemas())]}, old
    if way == 2:
        return old, {"anyOf": [draw(schemas()), old]}
    if not isinstance(old, dict):
        return old, draw(schemas())
    more = draw(schemas(1))
    new = {**old, **(more if isinstance(more, dict) else {})}
    return (old, new) if way == 3 else (new, old)
