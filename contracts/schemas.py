"""A version of a contract as JSON Schema 2020-12: from its class and the dictionary, the same text every time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, PlainValidator, WrapValidator

from .contract import Contract
from .envelope import SCHEMA_BASE
from .fields import FIELDS, Field, parts_of
from .registry import resolve
from .versions import Versions

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ABOUT: Final = "x-tongche-"
_KNOWN: Final = frozenset({"_keeps_its_rules", "_text", "_compact", "_has_utc", "_checked.<locals>.check"})
"""Validators that go without saying: `CHECKS`, formats, and what was so of every text and moment from the first."""


def urn(versions: Versions, number: int) -> str:
    """What `ce_dataschema` of its messages says, and `$id` of its schema."""
    return SCHEMA_BASE + versions.type_of(number)


def schema_of(versions: Versions, number: int) -> dict[str, Any]:
    """The schema of one version: what a reader takes. Raises `versions.UnknownVersion`.

    What fields mean stands as annotations `x-tongche-…`, and so do the rules between fields, which no schema can say.
    """
    model = versions.model(number)
    made = model.model_json_schema(mode="validation")
    defined = made.pop("$defs", {})
    return {
        "$schema": DIALECT,
        "$id": urn(versions, number),
        "title": versions.type_of(number),
        **_explained(made, model),
        **{f"{_ABOUT}{name}": said for name, said in _about(versions).items()},
        **(
            {"$defs": {name: _explained(part, _part(model, name)) for name, part in defined.items()}} if defined else {}
        ),
    }


def schema_of_type(type_: str) -> dict[str, Any]:
    """The schema of a CloudEvents type or of its URN. Raises `registry.UnknownType`."""
    return schema_of(*resolve(type_.removeprefix(SCHEMA_BASE)))


def _about(versions: Versions) -> Mapping[str, str]:
    return {"kind": versions.kind, "owner": versions.owner, "purpose": versions.purpose}


def _explained(made: Mapping[str, Any], model: type[Contract]) -> dict[str, Any]:
    """The schema without what pydantic guessed, with what the dictionary knows."""
    found = {name: said for name, said in made.items() if name not in {"title", "properties", "description"}}
    rules = list(_rules(model))
    return {
        "description": " ".join((model.__doc__ or "").split()),
        **found,
        "properties": {
            name: _field(name, said) | _checked(model, name) for name, said in made.get("properties", {}).items()
        },
        **({f"{_ABOUT}rules": rules} if rules else {}),
    }


def _rules(model: type[Contract]) -> Iterator[dict[str, Any]]:
    """What holds between its fields: rows of `CHECKS`, and validators of the class by name."""
    for check in model.CHECKS:
        yield {"name": check.name, "reads": list(check.reads), "blames": check.blames}
    own = model.__pydantic_decorators__
    yield from ({"name": name} for name in sorted({*own.field_validators, *own.model_validators} - _KNOWN))


def _checked(model: type[Contract], name: str) -> dict[str, Any]:
    """The validators of one field, by name."""
    field = model.model_fields[name]
    found = sorted({*_validators(field.annotation, field.metadata)} - _KNOWN)
    return {f"{_ABOUT}rules": [{"name": one} for one in found]} if found else {}


def _validators(annotation: Any, metadata: Sequence[Any]) -> Iterator[str]:
    """Functions that look at a value of this type or at one inside it."""
    for one in metadata:
        if isinstance(one, AfterValidator | BeforeValidator | PlainValidator | WrapValidator):
            yield one.func.__qualname__
    if get_origin(annotation) is Annotated:
        inner, *about = get_args(annotation)
        yield from _validators(inner, about)
    else:
        yield from (name for inner in get_args(annotation) for name in _validators(inner, ()))


def _field(name: str, made: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in made.items() if key != "title"}
    row = FIELDS.get(name)
    if row is None:
        return said
    return {"description": f"{row.zh} / {row.en}", **said, **dict(_annotations(row))}


def _annotations(row: Field) -> Iterator[tuple[str, str]]:
    told = {"unit": row.unit, "standard": row.standard, "grade": row.grade, "personal": row.personal}
    return ((f"{_ABOUT}{name}", said) for name, said in told.items() if said)


def _part(model: type[Contract], name: str) -> type[Contract]:
    """The class of a part of the message, by its name."""
    return next(part for part in _parts(model) if part.__name__ == name)


def _parts(model: type[BaseModel]) -> Iterator[type[Contract]]:
    for info in model.model_fields.values():
        for part in parts_of(info.annotation):
            if issubclass(part, Contract):
                yield part
            yield from _parts(part)
