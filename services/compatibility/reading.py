"""Schemas, read for comparing: annotations gone, references resolved, alike schemas of both documents one object."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from services.compatibility import profile, words
from services.compatibility.values import Frozen, exact, frozen

_BOUNDS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_COUNTS: Final = frozenset(
    {
        *("minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains"),
        *("minProperties", "maxProperties"),
    }
)


@dataclass(eq=False, slots=True)
class Schema:
    """One schema; the same object wherever the same is said. `place` is where it was first met.

    `keywords` hold what asserts something: schemas as `Schema`, numbers as fractions, enum and const as sets of values.
    `number` counts those of one reading, so that sets of them have one order in every process.
    """

    place: str
    number: int
    keywords: dict[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"<{self.place or '/'} {', '.join(self.keywords) or 'anything'}>"


class Reading:
    """All schemas of one comparison."""

    def __init__(self) -> None:
        self._met: dict[Hashable, Schema] = {}
        self._made = count()
        self.anything = self._one({}, "")
        self.nothing = self.of_values(())

    def read(self, document: Any) -> Schema:
        """The schema at the root of a document. Raises `profile.OutsideProfile`."""
        read = _Document(self, document)
        try:
            return read.schema("")
        except RecursionError:
            # By references even a flat document leads as deep as it likes.
            raise profile.OutsideProfile("$ref", "", words.too_deep(profile.DEEPEST)) from None

    def of_values(self, values: Iterable[Frozen]) -> Schema:
        """The schema of just these values."""
        return self._one({"enum": frozenset(values)}, "")

    def of_pattern(self, pattern: str) -> Schema:
        """The schema of what is no text, or one in which the pattern is found."""
        return self._one({"pattern": pattern}, "")

    def of_kind(self, kind: str) -> Schema:
        """The schema of one type."""
        return self._one({"type": frozenset({kind})}, "")

    def any_of(self, schemas: tuple[Schema, ...]) -> Schema:
        """The schema of what is one of these."""
        return schemas[0] if len(schemas) == 1 else self._one({"anyOf": schemas}, schemas[0].place)

    def _one(self, keywords: dict[str, Any], place: str) -> Schema:
        key = frozenset((name, _key(value)) for name, value in keywords.items())
        if key not in self._met:
            self._met[key] = self._new(place, keywords)
        return self._met[key]

    def _new(self, place: str, keywords: dict[str, Any]) -> Schema:
        return Schema(place, next(self._made), keywords)


def _key(value: Any) -> Hashable:
    match value:
        case dict():
            return frozenset((name, _key(one)) for name, one in value.items())
        case _:
            hash(value)
            return value  # type: ignore[no-any-return]


class _Document:
    """Reads one document, each place once. A schema inside itself is found by its place, not by what it says."""

    def __init__(self, reading: Reading, document: Any) -> None:
        self._reading = reading
        self._document = document
        self._raw: Mapping[str, Any] = profile.check(document)
        self._done: dict[str, Schema] = {}
        self._open: dict[str, Schema | None] = {}

    def schema(self, place: str) -> Schema:
        if place in self._done:
            return self._done[place]
        if place in self._open:
            # Named before it is finished: it contains itself.
            inner = self._open[place] or self._reading._new(place, {})  # noqa: SLF001 - the two halves of one reader
            self._open[place] = inner
            return inner
        self._open[place] = None
        keywords = self._keywords(place)
        named = self._open.pop(place)
        if named is None:
            named = self._reading._one(keywords, place)  # noqa: SLF001 - the two halves of one reader
        else:
            named.keywords.update(keywords)
        self._done[place] = named
        return named

    def _keywords(self, place: str) -> dict[str, Any]:
        raw = self._raw[place]
        if isinstance(raw, bool):
            return {} if raw else {"enum": frozenset()}
        return {name: self._value(name, value, place) for name, value in raw.items() if _asserts(name)}

    def _value(self, name: str, value: Any, place: str) -> Any:
        here = f"{place}/{profile.escaped(name)}"
        match profile.APPLICATORS.get(name):
            case "one":
                return self.schema(here)
            case "list":
                return tuple(self.schema(f"{here}/{index}") for index in range(len(value)))
            case "map":
                return {key: self.schema(f"{here}/{profile.escaped(key)}") for key in value}
        if name == "$ref":
            return self.schema(str(profile.target(self._document, value)))
        return _plain(name, value)


def _asserts(name: str) -> bool:
    return name in profile.ASSERTIONS or (name in profile.APPLICATORS and name != "$defs")


def _plain(name: str, value: Any) -> Any:
    """The value of a keyword that holds no schema."""
    if name in _BOUNDS:
        return exact(value)
    if name in _COUNTS:
        return int(value)
    readers: Mapping[str, Callable[[Any], Any]] = {
        "type": lambda said: frozenset({said} if isinstance(said, str) else said),
        "enum": lambda said: frozenset(map(frozen, said)),
        "const": lambda said: frozenset({frozen(said)}),
        "required": frozenset,
        "dependentRequired": lambda said: {key: frozenset(names) for key, names in said.items()},
    }
    return readers[name](value) if name in readers else value
