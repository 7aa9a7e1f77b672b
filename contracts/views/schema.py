"""The JSON Schema of what one subscriber gets of one version: its fields alone, each in the form in which it is shown.

Open to further fields, and nothing is required: a view is no contract, and whoever reads it passes over what it does
not know. Fields that come sealed are told twice: that there is a token, and in its `contentSchema` what is inside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from ..fields import FIELDS, Sight
from ..registry import CONTRACTS
from ..schemas import DIALECT, schema_of
from .masks import MASKS
from .plan import View, is_sealed, judge, view_of
from .reading import SEALED
from .subscriber import Grant, Subscriber

Schema = dict[str, Any]

_DEFS: Final = "#/$defs/"
_COMPACT: Final = r"^[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]*){4}$"
_NO_SECRET: Final = b"a schema hashes nothing"


def offered(subscriber: Subscriber) -> Iterator[View]:
    """What a subscriber gets, one for each version that it pinned.

    Grants of the same version follow each other and count as one here, for their messages have the same
    `ce_dataschema`; those that may not be given count for nothing.
    """
    pinned: dict[tuple[str, int], Grant] = {}
    for grant in subscriber.grants:
        if judge(subscriber, grant):
            continue
        place = (grant.contract, grant.version)
        known = pinned[place].fields if place in pinned else ()
        pinned[place] = grant.model_copy(update={"fields": tuple(dict.fromkeys((*known, *grant.fields)))})
    return (view_of(subscriber, grant, _NO_SECRET) for grant in pinned.values())


def view_schema(view: View) -> Schema:
    """The schema of a view; its `$id` is what `ce_dataschema` of its messages says."""
    whole = schema_of(CONTRACTS[view.grant.contract], view.grant.version)
    secret = {name for name, sight in view.sights.items() if is_sealed(name, sight)}
    clear = _group(whole, whole, view.sights.keys() - secret, view.sights)
    inside = _group(whole, whole, secret, view.sights)
    properties = clear["properties"] | ({SEALED: _sealed(inside)} if secret else {})
    head = {name: said for name, said in whole.items() if name.startswith("x-tongche-") and not name.endswith("rules")}
    return {
        "$schema": DIALECT,
        "$id": view.dataschema,
        "title": f"to.{view.subscriber.name}.{view.type}",
        "description": whole["description"],
        **head,
        "type": "object",
        "properties": properties,
    }


def _group(root: Schema, group: Schema, names: Collection[str], sights: Mapping[str, Sight]) -> Schema:
    """Of a group of fields those that are named, and of the groups in it those that hold one."""
    properties: Schema = {}
    for name, told in group["properties"].items():
        meant = _meant(root, told)
        is_list = meant.get("type") == "array"
        one = _meant(root, meant["items"]) if is_list else meant
        if "properties" in one:
            part = _group(root, one, names, sights)
            shown = part if part["properties"] else None
        else:
            shown = _field(name, one, sights[name]) if name in names else None
        if shown is not None:
            properties[name] = _about(told, shown) | ({"type": "array", "items": shown} if is_list else shown)
    return {"type": "object", "properties": properties}


def _about(told: Schema, shown: Schema) -> Schema:
    """What a field means; what is masked, hashed, or yes or no has no unit any more."""
    gone = {"x-tongche-unit"} if "x-tongche-sight" in shown else set()
    named = {key for key in told if key == "description" or key.startswith("x-tongche-")} - gone
    return {key: said for key, said in told.items() if key in named}


def _field(name: str, plain: Schema, sight: Sight) -> Schema:
    match sight:
        case "full":
            return {key: said for key, said in plain.items() if key != "default"}
        case "masked":
            return {"type": "string", "x-tongche-sight": sight, "x-tongche-form": MASKS[name].__name__}
        case "hashed":
            return {"type": "string", "pattern": "^[0-9a-f]{32}$", "x-tongche-sight": sight}
        case "yes_no":
            return {"type": "boolean", "x-tongche-sight": sight}
        case "denied":
            message = f"{name} is not in a view"
            raise ValueError(message)


def _sealed(inside: Schema) -> Schema:
    grade = max(FIELDS[name].grade for name in _names(inside))
    return {
        "description": "加密给订阅方的字段，JWE 紧凑格式 / what is encrypted for the subscriber, as a compact JWE",
        "type": "string",
        "pattern": _COMPACT,
        "contentMediaType": "application/jose",
        "contentSchema": inside,
        "x-tongche-grade": grade,
    }


def _names(group: Schema) -> Iterator[str]:
    for name, told in group["properties"].items():
        inner = told.get("items", told)
        if "properties" in inner:
            yield from _names(inner)
        else:
            yield name


def _meant(root: Schema, told: Schema) -> Schema:
    """What a field holds where it is there: references followed, and null, which a view never says, left out."""
    some = [one for one in told.get("anyOf", ()) if one.get("type") != "null"]
    if len(some) == 1:
        return _meant(root, {key: said for key, said in told.items() if key != "anyOf"} | some[0])
    if ref := told.get("$ref"):
        found: Schema = root["$defs"][ref.removeprefix(_DEFS)]
        return found
    return told
