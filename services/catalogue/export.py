"""Everything that the catalogue can be: pages, sheets, schemas, AsyncAPI and OpenAPI, as the files of one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.runtime.dataschema import written

from . import published, topics
from .asyncapi import Broker
from .blocks import yaml
from .dictionary import dictionary
from .installation import Installation
from .sheets import sheets
from .site import Door, Route, Site
from .words import Said

INDEX: Final = "schemas/index.json"

_WHAT: Final = {
    "topics.csv": Said("主题表", "topics"),
    "contracts.csv": Said("消息类型和版本", "contracts and versions"),
    "dictionary.csv": Said("数据字典", "dictionary of fields"),
    "occurrences.csv": Said("字段出现在哪些消息里", "where each field occurs"),
    "grants.csv": Said("授权与实际提供的字段", "grants, and the fields really disclosed"),
    "asyncapi.json": Said("Kafka 接口，AsyncAPI 3", "Kafka, as AsyncAPI 3"),
    "asyncapi.yaml": Said("同上，YAML", "the same in YAML"),
    INDEX: Said("架构索引：URN 对应文件", "index of schemas: which file has which URN"),
}
_SMALL: Final = 1000
SEAL: Final = "x-tongche-seal"
"""How a document says that a door is guarded by a signature in the message, for which OpenAPI has no word."""


class Described(NamedTuple):
    """One door over HTTP in OpenAPI, as its service tells it."""

    name: str
    document: Mapping[str, Any]


def files(installation: Installation, doors: Sequence[Described], version: str) -> dict[str, bytes]:
    """Every file by its path. The same installation gives the same bytes."""
    entries = topics.entries(installation)
    fields = dictionary()
    broker = Broker(installation, entries, published.views(installation.subscribers), version).document()
    made = {
        **sheets(installation, entries, fields),
        "asyncapi.json": _json(broker),
        "asyncapi.yaml": yaml(broker),
        **{f"openapi/{door.name}.json": _json(door.document) for door in doors},
        **_schemas(installation),
    }
    site = Site(installation, entries, fields, [_door(door) for door in doors])
    return made | site.pages(_listed(made, doors))


def _schemas(installation: Installation) -> dict[str, bytes]:
    named = {f"schemas/{file}": schema for file, schema in published.files(installation.subscribers).items()}
    index = {schema["$id"]: file.removeprefix("schemas/") for file, schema in named.items()}
    return {INDEX: _json(index)} | {file: written(schema) for file, schema in named.items()}


def _listed(made: Mapping[str, bytes], doors: Sequence[Described]) -> dict[str, tuple[Said, str]]:
    """What the first page names: all but the single schemas."""
    titles = {f"openapi/{door.name}.json": Said(f"{door.document['info']['title']}", "OpenAPI 3.1") for door in doors}
    return {name: (said, _size(len(made[name]))) for name, said in (_WHAT | titles).items()}


def _size(length: int) -> str:
    return f"{length} B" if length < _SMALL else f"{length / _SMALL:.0f} kB"


def _door(described: Described) -> Door:
    routes = tuple(
        Route(method.upper(), path, told.get("summary", ""), _guard(told))
        for path, methods in described.document["paths"].items()
        for method, told in methods.items()
    )
    return Door(described.document["info"]["title"], f"openapi/{described.name}.json", routes)


def _guard(operation: Mapping[str, Any]) -> Said:
    """By what it is told who asks. Raises `LookupError` where the document says nothing of it."""
    if operation.get(SEAL):
        return Said("报文签名", "a seal in the message")
    if {} in operation["security"]:
        return Said("令牌可选", "a token, or none")
    if any(operation["security"]):
        return Said("令牌", "a bearer token")
    raise LookupError(operation["operationId"])


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
