"""A search for a value that one schema takes and the other refuses, where the proof stays open.

Values come from the schemas themselves: from a value that fits, edited at its parts (one dropped, one added, one
replaced by a neighbour of a bound, a member of an enum, a text of a pattern, a near miss, nothing), first every single
edit, then several at once as Hypothesis draws and shrinks them, or values made anew. The same schemas meet the same
values every time.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from services.compatibility import profile, regular
from services.compatibility.formats import FORMATS
from services.compatibility.patterns import loosened
from services.compatibility.regular import Irregular, TooLarge, Wanted
from services.compatibility.values import exact, frozen, plain, thawed
from services.compatibility.work import TooMuch, Work

EXAMPLES: Final = 250
_WORDS: Final = 6
_EDITS: Final = 3
_SIMPLE: Final[tuple[Any, ...]] = (None, False, True, 0, 1, -1, 0.5, "", "a", [], {})
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_PATTERNS: Final = 8
_LENGTHS: Final = ("minLength", "maxLength")
_SIZES: Final = ("minItems", "maxItems", "minContains", "maxContains", "minProperties", "maxProperties")
_LONGEST: Final = 300
_LARGEST: Final = 8
_DEPTH: Final = 3
_ADDED: Final = 4000
_EDITED: Final = 20_000
_STEPS: Final = 50_000
_LETTERS: Final = "a0A-_. \n车😀"
_FAR: Final = 7_313_131_313_131_313
_UNKNOWN: Final = "zz"

T = TypeVar("T")
Refuses = Callable[[Any], bool]


def search(documents: Sequence[Any], base: Any, is_witness: Refuses, examples: int = EXAMPLES) -> tuple[Any] | None:
    """A value of which `is_witness` is so, in a tuple of its own, for it may be null; None where none was met.

    `base` is a value to begin with, best one that fits the schema that must take the witness.
    """
    vocabulary = Vocabulary(documents)
    for value in islice(_edited_once(base, vocabulary), _EDITED):
        if is_witness(value):
            return (value,)
    met: list[Any] = []

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(_values(vocabulary, base))
    def look(value: Any) -> None:
        if is_witness(value):
            met.append(value)
            raise _Met

    try:
        with _home_elsewhere():
            look()
    except _Met:
        return (min(met, key=_size),)
    return None


class _Met(Exception):
    """A witness was met; what follows is only to make it smaller."""


def _size(value: Any) -> tuple[int, str]:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=float)
    return len(text), text


class Vocabulary:
    """What the schemas speak of: values at the edges of what they allow, and names of properties."""

    def __init__(self, documents: Sequence[Any]) -> None:
        self._schemas = [
            schema for document in documents for schema in profile.check(document).values() if isinstance(schema, dict)
        ]
        written = {letter for schema in self._schemas for letter in schema.get("pattern", "") if letter.isalnum()}
        self.letters = sorted({*_LETTERS, *written})
        work = Work(_STEPS)
        said = (value for schema in self._schemas for value in _said(schema, work))
        self.values = _different([*_SIMPLE, *sorted(written), *said, *_between(self._schemas, work)])
        self.names = sorted({name for schema in self._schemas for name in _names(schema, work)} | {_UNKNOWN})
        self.sizes = sorted({size for schema in self._schemas for size in _sizes(schema)} | {0, 1, 2})


def _between(schemas: Sequence[Mapping[str, Any]], work: Work) -> Iterator[str]:
    """Texts of one pattern that are not of another, and of lengths that some other schema cares for."""
    patterns = sorted({schema["pattern"] for schema in schemas if "pattern" in schema})[:_PATTERNS]
    lengths = sorted({schema[name] for name in _LENGTHS for schema in schemas if name in schema})[:_PATTERNS]
    for one in patterns:
        near = frozenset({loosened(one)})
        for other in patterns:
            if other != one:
                yield from _words(Wanted(near, frozenset({loosened(other)} - near)), work)
        for length in lengths:
            yield from _words(Wanted(near, low=min(length, _LONGEST) + 1), work)


def _different(values: Sequence[Any]) -> list[Any]:
    return [thawed(one) for one in dict.fromkeys(map(frozen, values))]


def _said(schema: Mapping[str, Any], work: Work) -> Iterator[Any]:
    """Values on both sides of what one schema says."""
    yield from schema.get("enum", ())
    yield from (schema[name] for name in ("const", "default") if name in schema)
    for name in _BOUNDS:
        if name in schema:
            yield from _neighbours(exact(schema[name]))
    yield from _texts(schema, work)


def _neighbours(number: Fraction) -> Iterator[Any]:
    """A bound, the next integers, and a little more or less."""
    for away in (Fraction(0), Fraction(1), Fraction(1, 2), Fraction(1, 100), number):
        yield plain(number + away)
        yield plain(number - away)


def _texts(schema: Mapping[str, Any], work: Work) -> Iterator[str]:
    for name in _LENGTHS:
        if name in schema and schema[name] <= _LONGEST:
            yield from ("a" * length for length in range(max(0, schema[name] - 1), schema[name] + 2))
    if "format" in schema:
        yield from (each for sample in FORMATS[schema["format"]].samples for each in _misses(sample))
    if "pattern" in schema:
        low = min(schema.get("minLength", 0), _LONGEST)
        words = _words(Wanted(frozenset({schema["pattern"]}), low=low), work)
        yield from (each for word in words for each in _misses(word))


def _words(wanted: Wanted, work: Work) -> list[str]:
    """Texts of the pattern; of one that looks around, texts that would be of it if it did not. None if they are far."""
    try:
        return list(regular.words(wanted, _WORDS, work))
    except Irregular:
        return _words(replace(wanted, found=frozenset(map(loosened, wanted.found))), work) if wanted.found else []
    except (TooLarge, TooMuch):
        return []


def _misses(text: str) -> Iterator[str]:
    """A text, and its neighbours by one character."""
    yield from (text, text + "a", text[:-1], "a" + text, text.lower(), text.upper(), f" {text}", text + "\n")


def _names(schema: Mapping[str, Any], work: Work) -> Iterator[str]:
    yield from schema.get("required", ())
    for holder in ("properties", "dependentSchemas", "dependentRequired"):
        yield from schema.get(holder, ())
    for pattern in schema.get("patternProperties", ()):
        yield from _words(Wanted(frozenset({pattern})), work)
    if isinstance(schema.get("propertyNames"), dict):
        yield from (text for text in _said(schema["propertyNames"], work) if isinstance(text, str))


def _sizes(schema: Mapping[str, Any]) -> Iterator[int]:
    for name in _SIZES:
        if name in schema and schema[name] <= _LONGEST:
            yield from range(max(0, schema[name] - 1), schema[name] + 2)
    yield from range(len(schema.get("prefixItems", ())) + 2)


# -- every single edit


def _edited_once(base: Any, vocabulary: Vocabulary) -> Iterator[Any]:
    """The base with one part replaced, dropped or joined by another, in every way that the schemas have words for."""
    paths = list(_paths(base))
    # What a new property holds is tried out as long as there are not too many of them.
    few = _ADDED // (len(paths) * len(vocabulary.names)) + 1
    for path in paths:
        part = _part(base, path)
        if isinstance(part, list):
            item = part[0] if part else None
            yield from (_put(copy.deepcopy(base), path, [copy.deepcopy(item)] * size) for size in vocabulary.sizes)
        yield _drop(copy.deepcopy(base), path)
        yield from (_put(copy.deepcopy(base), path, value) for value in vocabulary.values)
        for name in vocabulary.names:
            yield from (_add(copy.deepcopy(base), path, name, value) for value in vocabulary.values[:few])


# -- strategies: several edits, and values made anew


@st.composite
def _values(draw: st.DrawFn, vocabulary: Vocabulary, base: Any) -> Any:
    """The base, edited; or a value made anew."""
    maker = _Maker(draw, vocabulary)
    if maker.one_of(range(4)) == 0:
        return maker.value()
    value = copy.deepcopy(base)
    for _ in range(maker.one_of(range(1, _EDITS + 1))):
        value = maker.edited(value)
    return value


class _Maker:
    """Makes values of what a strategy draws."""

    def __init__(self, draw: st.DrawFn, vocabulary: Vocabulary) -> None:
        self._draw = draw
        self._vocabulary = vocabulary

    def one_of(self, options: Sequence[T]) -> T:
        return options[self._draw(_index(len(options)))]

    def value(self, depth: int = 0) -> Any:
        """Mostly what the schemas speak of; arrays and objects of it, not too deep."""
        way = self.one_of(range(8)) if depth < _DEPTH else 0
        if way == 1:
            return {name: self.value(depth + 1) for name in self._names()}
        if way == 2:  # noqa: PLR2004 - one way of eight
            return [self.value(depth + 1) for _ in range(min(self.one_of(self._vocabulary.sizes), _LARGEST))]
        if way == 3:  # noqa: PLR2004 - one way of eight
            return "".join(self.one_of(self._vocabulary.letters) for _ in range(self.one_of(range(6))))
        return copy.deepcopy(self.one_of(self._vocabulary.values))

    def _names(self) -> list[str]:
        return [self.one_of(self._vocabulary.names) for _ in range(self.one_of(range(4)))]

    def edited(self, whole: Any) -> Any:
        """One change: a part replaced, dropped, or joined by another."""
        paths = list(_paths(whole))
        path = self.one_of(paths)
        match self.one_of(range(3)):
            case 0:
                return _put(whole, path, self.value())
            case 1:
                return _drop(whole, path)
            case _:
                return _add(whole, path, self.one_of(self._vocabulary.names), self.value())


def _index(count: int) -> st.SearchStrategy[int]:
    # Hypothesis likes numbers that it reads in modules around it: where there are none, it draws the same everywhere.
    return st.integers(_FAR, _FAR + count - 1).map(lambda number: number - _FAR)


Path = tuple[str | int, ...]


def _paths(value: Any, above: Path = ()) -> Iterator[Path]:
    yield above
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield from _paths(one, (*above, step))


def _part(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _put(value: Any, path: Path, new: Any) -> Any:
    if not path:
        return new
    _part(value, path[:-1])[path[-1]] = new
    return value


def _drop(value: Any, path: Path) -> Any:
    if path:
        del _part(value, path[:-1])[path[-1]]
    return value


def _add(value: Any, path: Path, name: str, new: Any) -> Any:
    """One more property or item: in the part, or beside it."""
    part = _part(value, path)
    if not isinstance(part, dict | list) and path:
        part = _part(value, path[:-1])
    if isinstance(part, dict):
        part[name] = new
    elif isinstance(part, list):
        part.append(new)
    return value


@contextmanager
def _home_elsewhere() -> Iterator[None]:
    """Hypothesis keeps a folder of its own, by default in the folder that one works in."""
    with TemporaryDirectory(prefix="tongche-search-") as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)
