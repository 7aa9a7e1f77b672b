"""The closed profile of JSON Schema 2020-12 that the gate can judge. What is outside it fails by name and place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal
from urllib.parse import unquote

import jsonschema_rs

from services.compatibility import words
from services.compatibility.formats import FORMATS
from services.compatibility.values import NotJson, exact

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Holds = Literal["one", "list", "map"]
"""How a keyword holds schemas: one, a list of them, or one for each name."""

APPLICATORS: Final[Mapping[str, Holds]] = {
    "additionalProperties": "one",
    "contains": "one",
    "else": "one",
    "if": "one",
    "items": "one",
    "not": "one",
    "propertyNames": "one",
    "then": "one",
    "unevaluatedItems": "one",
    "unevaluatedProperties": "one",
    "allOf": "list",
    "anyOf": "list",
    "oneOf": "list",
    "prefixItems": "list",
    "$defs": "map",
    "dependentSchemas": "map",
    "patternProperties": "map",
    "properties": "map",
}
IN_PLACE: Final = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "$ref"})
"""Those that look at the same value again, so that a circle of them would never end."""
ASSERTIONS: Final = frozenset(
    {
        *("type", "enum", "const", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("minLength", "maxLength", "pattern", "format"),
        *("minItems", "maxItems", "uniqueItems", "minContains", "maxContains"),
        *("minProperties", "maxProperties", "required", "dependentRequired", "$ref"),
    }
)
ANNOTATIONS: Final = frozenset(
    {*("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment")}
)
_ROOT_ONLY: Final = frozenset({"$schema", "$id"})
_EXTENSION: Final = "x-"
DEEPEST: Final = 200
"""How deep a document may be nested: what judges it goes down with it, and the validator ends at 254."""


class OutsideProfile(ValueError):
    """A schema that cannot be judged: what stands there, at which JSON pointer, and why not in both languages.

    All three can be printed: half a character, which no encoding can write, is told by its number.
    """

    def __init__(self, what: str, place: str, why: str) -> None:
        self.what, self.place = _printable(what), _printable(place)
        self.why = why
        super().__init__(f"{why}: {self.what} at {self.place or '/'}")


def check(document: Any) -> dict[str, Any]:
    """Every schema of a document by its pointer. Raises `OutsideProfile` at the first thing that cannot be judged."""
    if not isinstance(document, dict | bool):
        raise OutsideProfile(type(document).__name__, "", words.NO_SCHEMA)
    _json(document)
    _dialect(document)
    found = dict(_walk(document, ""))
    for place, schema in found.items():
        _references(document, schema, place, found)
    _well_formed(document)
    _no_circles(document, found)
    return found


def children(schema: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any, str]]:
    """The schemas right inside one: the keyword that holds each, the schema, its pointer. Shapes may still be wrong."""
    for keyword, value in schema.items():
        match APPLICATORS.get(keyword), value:
            case "one", _:
                yield keyword, value, f"{place}/{keyword}"
            case "list", list():
                yield from ((keyword, one, f"{place}/{keyword}/{index}") for index, one in enumerate(value))
            case "map", dict():
                yield from ((keyword, one, f"{place}/{keyword}/{escaped(name)}") for name, one in value.items())


def escaped(name: str) -> str:
    """A name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def target(document: Any, reference: str) -> str | None:
    """The pointer that a reference within the document means; None for any that leads out of it."""
    address, _, fragment = reference.partition("#")
    own = document.get("$id", "") if isinstance(document, dict) else ""
    if address and address != own.rstrip("#"):
        return None
    return unquote(fragment)


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _json(document: Any) -> None:
    """Whatever stands in the document is JSON that all can read. Not recursive: it may be nested as it likes."""
    waiting: list[tuple[Any, str, int]] = [(document, "", 0)]
    while waiting:
        value, place, depth = waiting.pop()
        if depth > DEEPEST:
            raise OutsideProfile(type(value).__name__, place, words.too_deep(DEEPEST))
        match value:
            case dict():
                for name, one in value.items():
                    _plain(name, place)
                    waiting.append((one, f"{place}/{escaped(name)}", depth + 1))
            case list() | tuple():
                waiting.extend((one, f"{place}/{index}", depth + 1) for index, one in enumerate(value))
            case _:
                _plain(value, place)


def _plain(value: Any, place: str) -> None:
    """A text, a number, true, false or null."""
    if isinstance(value, str):
        if _printable(value) != value:
            raise OutsideProfile(value, place, words.HALF_A_CHARACTER)
    elif value is not None:
        try:
            exact(value)
        except (NotJson, TypeError) as odd:
            raise OutsideProfile(str(odd), place, words.NOT_JSON) from None


def _dialect(document: Any) -> None:
    said = document.get("$schema", DIALECT) if isinstance(document, dict) else DIALECT
    if not isinstance(said, str) or said.rstrip("#") != DIALECT:
        raise OutsideProfile(str(said), "/$schema", words.other_draft(DIALECT))


def _walk(schema: Any, place: str) -> Iterator[tuple[str, Any]]:
    yield place, schema
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise OutsideProfile(type(schema).__name__, place, words.NO_SCHEMA)
    for keyword in schema:
        _known(keyword, place)
    _format(schema, place)
    for _, child, where in children(schema, place):
        yield from _walk(child, where)


def _known(keyword: str, place: str) -> None:
    if keyword in APPLICATORS or keyword in ASSERTIONS or keyword in ANNOTATIONS or keyword.startswith(_EXTENSION):
        return
    if keyword in _ROOT_ONLY and not place:
        return
    why = words.ROOT_ONLY if keyword in _ROOT_ONLY else words.UNKNOWN_KEYWORD
    raise OutsideProfile(keyword, f"{place}/{escaped(keyword)}", why)


def _format(schema: Mapping[str, Any], place: str) -> None:
    if "format" in schema and schema["format"] not in FORMATS:
        raise OutsideProfile(str(schema["format"]), f"{place}/format", words.UNKNOWN_FORMAT)


def _well_formed(document: Any) -> None:
    """What the standard's own schema of schemas says, patterns and numbers included."""
    try:
        jsonschema_rs.Draft202012Validator(document, validate_formats=True)
    except jsonschema_rs.ValidationError as wrong:
        place = "".join(f"/{escaped(str(step))}" for step in wrong.instance_path)
        raise OutsideProfile(wrong.message[:200], place, words.NOT_OF_THE_DRAFT) from None


def _references(document: Any, schema: Any, place: str, found: Mapping[str, Any]) -> None:
    reference = schema.get("$ref", "#") if isinstance(schema, dict) else "#"
    if not isinstance(reference, str) or target(document, reference) not in found:
        raise OutsideProfile(str(reference), f"{place}/$ref", words.NO_TARGET)


def _no_circles(document: Any, found: Mapping[str, Any]) -> None:
    """A schema that asks itself about the same value has no meaning."""
    done: set[str] = set()

    def visit(place: str, above: tuple[str, ...]) -> None:
        if place in above:
            raise OutsideProfile("$ref", place, words.CIRCLE)
        if len(above) > DEEPEST:
            raise OutsideProfile("$ref", place, words.too_deep(DEEPEST))
        if place in done or not isinstance(found[place], dict):
            return
        for inner in _in_place(document, found[place], place):
            visit(inner, (*above, place))
        done.add(place)

    for place in found:
        visit(place, ())


def _in_place(document: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    if "$ref" in schema:
        yield str(target(document, schema["$ref"]))
    yield from (where for keyword, _, where in children(schema, place) if keyword in IN_PLACE)
