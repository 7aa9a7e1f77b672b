"""Reading JSON Schemas: the leaves of a message, and a property's type in a few words.

Only what our own published schemas use is understood here: `$defs`, local `$ref`, and `anyOf` with null.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

Schema = dict[str, Any]

_DEFS: Final = "#/$defs/"
_LONGEST: Final = 40


class Leaf(NamedTuple):
    """One field where it stands in a message: `path` is dotted, with `[]` after what repeats."""

    name: str
    path: str
    required: bool
    schema: Schema


def leaves(schema: Schema) -> Iterator[Leaf]:
    """Every leaf of a message, in the order of its class; below a group that may be absent nothing is required."""
    yield from _below(schema, schema, "", required=True)


def _below(root: Schema, group: Schema, path: str, *, required: bool) -> Iterator[Leaf]:
    for name, told in group.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        wanted = required and name in group.get("required", ())
        inner = meant(root, told)
        if inner.get("type") == "array" and "properties" in (item := meant(root, inner.get("items", {}))):
            yield from _below(root, item, f"{here}[]", required=wanted)
        elif "properties" in inner:
            yield from _below(root, inner, here, required=wanted)
        else:
            yield Leaf(name, here, wanted, _with_items(root, inner))


def _with_items(root: Schema, schema: Schema) -> Schema:
    return schema | {"items": meant(root, schema["items"])} if "items" in schema else schema


def meant(root: Schema, schema: Schema) -> Schema:
    """What a property holds where it is there: references followed, and null taken out of the choice."""
    while True:
        if ref := schema.get("$ref"):
            schema = root["$defs"][ref.removeprefix(_DEFS)] | {k: v for k, v in schema.items() if k != "$ref"}
        elif len(some := [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]) == 1:
            schema = some[0] | {key: value for key, value in schema.items() if key != "anyOf"}
        else:
            return schema


def type_words(schema: Schema) -> str:
    """A type in a few words that both languages read: `string 1–200`, `integer ≥ 0`, `BEV | ICE`, `date`."""
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(type_words(one) for one in schema["anyOf"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"{type_words(schema.get('items', {}))} []"
    if kind == "object":
        return "object"
    # A format says more than how long its text may be.
    return schema.get("format") or f"{kind}{_limits(schema)}"


def _limits(schema: Schema) -> str:
    if (pattern := schema.get("pattern")) and len(pattern) <= _LONGEST:
        return f" /{pattern}/"
    low = schema.get("minLength", schema.get("minimum"))
    high = schema.get("maxLength", schema.get("maximum"))
    if "exclusiveMinimum" in schema:
        return f" > {schema['exclusiveMinimum']}" + (f", ≤ {high}" if high is not None else "")
    match low, high:
        case None, None:
            return ""
        case None, _:
            return f" ≤ {high}"
        case _, None:
            return f" ≥ {low}"
        case _:
            return f" {low}–{high}"
