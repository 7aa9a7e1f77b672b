"""Every fault of a message at once: those of single fields and those between fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError, PydanticUndefined, to_json

from .contract import Check, Contract
from .sale import Fault

C = TypeVar("C", bound=Contract)

_UNKNOWN_FIELD: Final = "an unknown field"
_MISSING: Final = object()


def faults_of(model: type[C], raw: Mapping[str, Any]) -> tuple[C | None, tuple[Fault, ...]]:
    """The message, or every fault that keeps it from being one.

    `raw` is as a JSON reader gives it. A fault tells field, code, reason and perhaps a suggestion; it never
    tells the value, and of an unknown field not even the name, which could be personal data put in the wrong place.
    """
    try:
        content = to_json(dict(raw))
    except PydanticSerializationError:
        # Half of a surrogate pair, which JSON can write and no text has.
        return None, (Fault(code="V102", field="data", reason="string_unicode"),)
    try:
        return model.model_validate_json(content), ()
    except ValidationError as wrong:
        details = wrong.errors(include_input=False, include_url=False)
    faults = [_fault(detail) for detail in details]
    blamed = {fault.field for fault in faults}
    rules = {detail["ctx"]["reason"] for detail in details if detail["type"] == "rule"}
    faults += [
        Fault(code="V102", field=check.blames, reason=check.name)
        for check in _broken(model, raw)
        if check.name not in rules and not blamed.intersection(_with_parents(check.reads))
    ]
    return None, tuple(faults)


def _fault(detail: ErrorDetails) -> Fault:
    field = ".".join(str(step) for step in detail["loc"] if not isinstance(step, int))
    context = detail.get("ctx", {})
    if detail["type"] == "extra_forbidden":
        field = ".".join(str(step) for step in detail["loc"][:-1]) or _UNKNOWN_FIELD
        return Fault(code="V102", field=field, reason="extra_forbidden")
    return Fault(
        code="V101" if field.split(".")[-1] == "vin" else "V102",
        field=field or "data",
        reason=str(context.get("reason") or detail["type"])[:200],
        suggestion=context.get("suggestion") or None,
    )


def _with_parents(names: tuple[str, ...]) -> set[str]:
    return {name.rsplit(".", cut)[0] for name in names for cut in range(name.count(".") + 1)}


def _broken(model: type[Contract], raw: Mapping[str, Any], prefix: str = "") -> Iterator[Check]:
    """The rules, of the model and of its parts, that break though each field they read is right."""
    for check in model.CHECKS:
        values = [_read(model, raw, name.split(".")) for name in check.reads]
        if _MISSING not in values and not check.holds(*values):
            yield Check(check.name, tuple(prefix + name for name in check.reads), prefix + check.blames, check.holds)
    for name, info in model.model_fields.items():
        part = raw.get(name)
        for nested in get_args(info.annotation) or (info.annotation,):
            if isinstance(nested, type) and issubclass(nested, Contract) and isinstance(part, Mapping):
                yield from _broken(nested, part, f"{prefix}{name}.")


def _read(model: type[BaseModel], raw: Mapping[str, Any], path: list[str]) -> Any:
    """The value of a field if it is right by itself, None where it may be absent and is, else `_MISSING`."""
    name, *rest = path
    info = model.model_fields[name]
    if name not in raw or raw[name] is None:
        return _MISSING if info.default is PydanticUndefined else info.default
    if rest:
        nested = next(part for part in get_args(info.annotation) if isinstance(part, type))
        return _read(nested, raw[name], rest) if isinstance(raw[name], Mapping) else _MISSING
    if any(isinstance(part, type) and issubclass(part, BaseModel) for part in get_args(info.annotation)):
        return raw[name]
    try:
        return _adapter(model, name).validate_json(to_json(raw[name]), strict=True)
    except ValidationError:
        return _MISSING


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    info = model.model_fields[name]
    kind: Any = info.annotation
    return TypeAdapter(Annotated[kind, *info.metadata] if info.metadata else kind)
