"""What differs between two schemas, field by field, for people: what came, what went, what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from services.compatibility import profile

_DEEP: Final = 12


@dataclass(frozen=True, slots=True)
class Change:
    """One field, by its dotted name; what was said of it before and what is said now, None where it is not there."""

    field: str
    kind: Literal["added", "removed", "changed"]
    before: str | None
    after: str | None


def changes(old: Any, new: Any) -> list[Change]:
    """Every field that differs, in the order of the alphabet. Annotations do not count."""
    before, after = dict(_fields(old)), dict(_fields(new))
    found = []
    for name in sorted(before.keys() | after.keys()):
        was, is_ = before.get(name), after.get(name)
        if was == is_:
            continue
        found.append(Change(name, "added" if was is None else "removed" if is_ is None else "changed", was, is_))
    return found


def _fields(document: Any) -> Iterator[tuple[str, str]]:
    """Each field by its dotted name, with all that is asserted of it."""
    for name, needed, variants in places(document):
        yield name, " ".join(filter(None, (needed, *dict.fromkeys(_said(one) for one in variants))))


Place = tuple[str, str, list[Mapping[str, Any]]]
"""A field by its dotted name, `required` if it is, and the schemas that say something of it."""


def places(document: Any) -> Iterator[Place]:
    """Each field, through references and nullable groups; the root is named by nothing."""
    if isinstance(document, dict):
        yield from _below(document, document, "", "", ())


def _below(document: Any, schema: Mapping[str, Any], name: str, needed: str, above: tuple[int, ...]) -> Iterator[Place]:
    """A field and those within it. What contains itself is told once: a tree would else be told branch by branch."""
    variants = list(_variants(document, schema, len(above)))
    yield name, needed, variants
    if len(above) > _DEEP:
        return
    for one in variants:
        if id(one) in above:
            continue
        here = (*above, id(one))
        required = one.get("required", ())
        for key, inner in one.get("properties", {}).items():
            if isinstance(inner, dict):
                field = f"{name}.{key}" if name else key
                yield from _below(document, inner, field, "required" if key in required else "", here)
        if isinstance(one.get("items"), dict):
            yield from _below(document, one["items"], f"{name}[]", "", here)


def _variants(document: Any, schema: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """The schema, that which it refers to, and the branches of a plain choice."""
    yield schema
    inner: list[Mapping[str, Any]] = [one for one in schema.get("anyOf", ()) if isinstance(one, dict)]
    if "$ref" in schema and (found := _resolved(document, schema["$ref"])) is not None:
        inner.append(found)
    if depth <= _DEEP:
        for one in inner:
            yield from _variants(document, one, depth + 1)


def _resolved(document: Any, reference: str) -> Mapping[str, Any] | None:
    place = profile.target(document, reference)
    found: Any = document
    for step in (place or "").split("/")[1:]:
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _said(schema: Mapping[str, Any]) -> str:
    """The assertions on one line; what holds properties is told by the properties themselves."""
    told: list[str] = []
    for keyword in sorted(schema):
        if keyword == "type":
            types = schema[keyword]
            told.insert(0, types if isinstance(types, str) else "|".join(types))
        elif keyword in profile.ASSERTIONS - {"required", "$ref"}:
            told.append(f"{keyword}={_short(schema[keyword])}")
        elif schema[keyword] is False and keyword in profile.APPLICATORS:
            told.append(f"{keyword}=false")
        elif keyword in profile.APPLICATORS and keyword not in {"properties", "items", "$defs", "anyOf"}:
            told.append(f"{keyword}={_short(schema[keyword])}")
    return " ".join(told)


def _short(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "|".join(value)
    return str(value)
