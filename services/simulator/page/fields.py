"""Knobs as fields of a form, by what the knobs say of themselves: a new knob is there without anybody's doing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from services.simulator.faults import Faults
from services.simulator.page.words import GROUPS, KNOBS, ONLY, OTHERS, Knob, Words

Kind = Literal["number", "flag", "choice", "lines", "json"]
APART: Final = frozenset({"scripts", "monsoon"})
"""Knobs that have forms of their own."""


@dataclass(frozen=True, slots=True)
class Field:
    """One knob as it is shown: `text` is what stands in it, `turned` whether somebody turned it."""

    name: str
    kind: Kind
    said: Knob
    text: str
    turned: bool
    least: float | None = None
    most: float | None = None
    whole: bool = False
    choices: tuple[str, ...] = ()
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Knobs that belong together."""

    name: Words
    fields: tuple[Field, ...]

    @property
    def is_turned(self) -> bool:
        """Whether any of them is."""
        return any(field.turned or field.is_wrong for field in self.fields)


def groups(
    kind: str, faults: Faults, typed: Mapping[str, str] | None = None, wrong: frozenset[str] = frozenset()
) -> list[Group]:
    """All knobs of a kind of agency; with what somebody typed, and which of it is wrong."""
    names = set(knobs(kind))
    grouped = [(words, tuple(name for name in listed if name in names)) for words, listed in GROUPS]
    rest = tuple(sorted(names - {name for _, listed in grouped for name in listed}))
    return [
        Group(words, tuple(_field(name, faults, typed, wrong) for name in listed))
        for words, listed in [*grouped, (OTHERS, rest)]
        if listed
    ]


def knobs(kind: str) -> Iterator[str]:
    """The knobs of a kind of agency that are fields."""
    return (name for name in _SCHEMA if name not in APART and kind in ONLY.get(name, {kind}))


def change(kind: str, form: Mapping[str, str]) -> dict[str, Any]:
    """What a form wants of the knobs; what cannot be read is left as its text, which no knob takes."""
    return {name: _value(name, form.get(name, "").strip()) for name in knobs(kind)}


def _value(name: str, text: str) -> Any:
    match _kind(name):
        case "flag":
            return bool(text)
        case "lines":
            return text.split()
        case "json":
            return _parsed(text or "{}")
        case _:
            return text or _DEFAULTS[name]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _field(name: str, faults: Faults, typed: Mapping[str, str] | None, wrong: frozenset[str]) -> Field:
    value, shape = getattr(faults, name), _shape(name)
    kind = _kind(name)
    return Field(
        name,
        kind,
        KNOBS.get(name) or Knob(Words(name, name), Words("", "")),
        _text(kind, value) if typed is None else typed.get(name, ""),
        value != Faults.model_fields[name].get_default(call_default_factory=True),
        shape.get("minimum"),
        shape.get("maximum"),
        shape.get("type") == "integer",
        tuple(shape.get("enum", ())),
        name in wrong,
    )


def _text(kind: Kind, value: Any) -> str:
    match kind:
        case "flag":
            return "on" if value else ""
        case "lines":
            return "\n".join(sorted(value))
        case "json":
            return json.dumps(value, ensure_ascii=False) if value else ""
        case _:
            return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _kind(name: str) -> Kind:
    shape = _shape(name)
    if "enum" in shape:
        return "choice"
    kinds: dict[str, Kind] = {"boolean": "flag", "array": "lines", "object": "json"}
    return kinds.get(shape["type"], "number")


def _shape(name: str) -> dict[str, Any]:
    """What JSON Schema says of a knob, null apart."""
    shape = _SCHEMA[name]
    found: dict[str, Any] = next((one for one in shape.get("anyOf", ()) if one.get("type") != "null"), shape)
    return found


_SCHEMA: Final[dict[str, Any]] = Faults.model_json_schema()["properties"]
_DEFAULTS: Final[dict[str, Any]] = Faults().model_dump(mode="json")
