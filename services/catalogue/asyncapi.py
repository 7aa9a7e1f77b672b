"""The whole broker as one AsyncAPI 3 document: every topic, every version of every message, who sends and who receives.

Each service tells its own part at `/asyncapi.json` (`services.runtime.asyncapi`); this one is for whoever reads from
outside. An operation is told from the side of whoever performs it, who is its first tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from contracts.envelope import SCHEMA_BASE
from contracts.examples import examples
from contracts.fields import grade_of
from contracts.purposes import PURPOSES
from contracts.versions import Versions
from services.runtime.dataschema import current
from services.runtime.poison import CUT, PLACE, REASON

from .headers import HEADERS, OF_VIEWS
from .installation import Installation
from .published import View
from .schema import Schema
from .topics import KINDS, Carried, Entry

VERSION: Final = "3.0.0"
_BINDING: Final = "0.5.0"
_JSON: Final = "application/json"
_FOREIGN: Final = ("ce_specversion", "ce_id", "ce_source", "ce_type")
"""Of a publisher fewer headers are demanded than we write ourselves."""
_KEY: Final = {
    "type": "string",
    "pattern": "^[0-9a-f]{32}$",
    "description": "车架号的密钥散列，一车的消息保持先后 / keyed hash of the VIN: one vehicle keeps its order",
}
_WHO: Final = {
    "intake": "受理入口 / the door",
    "journey": "流程管理 / the process manager",
    "dispatch": "机构对接 / speaks to the agencies",
    "projection": "按授权提供视图 / gives subscribers their views",
    "console": "运维控制台 / the operators' page",
    "observability": "各服务的追踪 / every service's spans",
    "runtime": "各服务的运行时 / every service's runtime",
}


@dataclass(frozen=True)
class Broker:
    """What the document is made of."""

    installation: Installation
    topics: Sequence[Entry]
    views: Sequence[View]
    version: str

    def document(self) -> dict[str, Any]:
        """The document; the same input gives the same bytes."""
        return {
            "asyncapi": VERSION,
            "id": "urn:tongche:broker",
            "info": self._info(),
            "defaultContentType": _JSON,
            "servers": {"kafka": _SERVER},
            "channels": {entry.topic.name: self._channel(entry) for entry in self.topics},
            "operations": dict(self._operations()),
            "components": {
                "messages": dict(sorted(self._messages.items())),
                "schemas": dict(sorted(self._schemas.items())),
            },
        }

    def _info(self) -> dict[str, Any]:
        return {
            "title": "通车 Tongche",
            "version": self.version,
            "description": (
                "一辆车从销售到完税、投保、上牌、出口，各机构之间的全部消息。"
                "消息为 CloudEvents 1.0（Kafka 二进制模式）；每个操作从执行方的角度描述，执行方是其第一个标签。\n\n"
                "All messages between the agencies of one vehicle's life. They are CloudEvents 1.0 in Kafka's binary "
                "mode. Each operation is told from the side of whoever performs it, who is its first tag."
            ),
            "contact": {"name": "通车 / Tongche"},
            "license": {"name": "仅限参与机构使用 / for participating organisations only"},
            "tags": [{"name": name, "description": self._who(name)} for name in self._everybody],
        }

    @cached_property
    def _everybody(self) -> list[str]:
        """All who write or read, each once; those of ours first."""
        named = {who for entry in self.topics for who in (entry.writer, *entry.readers)}
        return [*(name for name in _WHO if name in named), *sorted(named - set(_WHO))]

    def _who(self, name: str) -> str:
        return _WHO.get(name) or self.installation.titles[name]

    def _channel(self, entry: Entry) -> dict[str, Any]:
        topic = entry.topic
        kind = " ".join(KINDS[entry.kind])
        return {
            "address": topic.name,
            "title": topic.name,
            "summary": f"{entry.zh} / {topic.purpose}",
            "description": _purposes(entry),
            "servers": [{"$ref": "#/servers/kafka"}],
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in self._names(entry)},
            "tags": [{"name": topic.owner, "description": self._who(topic.owner)}],
            "bindings": {
                "kafka": {
                    "topic": topic.name,
                    "partitions": topic.partitions,
                    "topicConfiguration": {
                        "cleanup.policy": [topic.settings["cleanup.policy"]],
                        "retention.ms": int(topic.settings["retention.ms"]),
                        "max.message.bytes": int(topic.settings["max.message.bytes"]),
                    },
                    "bindingVersion": _BINDING,
                }
            },
            "x-tongche-kind": kind,
            "x-tongche-class": entry.grade,
        }

    def _operations(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for entry in self.topics:
            yield self._operation(entry, entry.writer, "send")
            for reader in entry.readers:
                yield self._operation(entry, reader, "receive")

    def _operation(self, entry: Entry, who: str, action: str) -> tuple[str, dict[str, Any]]:
        name = entry.topic.name
        zh, en = {"send": ("写入", "writes"), "receive": ("读取", "reads")}[action]
        return f"{who}.{action}.{name}", {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "title": f"{who} {action} {name}",
            "summary": f"{who} {zh} {name} / {who} {en} {name}",
            "description": f"{entry.zh} / {entry.topic.purpose}",
            "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in self._names(entry)],
            "tags": [{"name": who, "description": self._who(who)}],
        }

    def _names(self, entry: Entry) -> list[str]:
        if not entry.contracts:
            return ["bytes"]
        return [self._name(entry, each.versions, number) for each in entry.contracts for number in each.numbers]

    def _name(self, entry: Entry, versions: Versions, number: int) -> str:
        """A message by its version; a publisher's has fewer headers, a subscriber's other data."""
        plain = f"{versions.name}.v{number}"
        if entry.topic.name.startswith("submit."):
            return f"submit.{plain}"
        view = self._view(entry, versions, number)
        return f"to.{view.subscriber}.{plain}" if view else plain

    def _view(self, entry: Entry, versions: Versions, number: int) -> View | None:
        if entry.kind != "subscribers":
            return None
        subscriber = entry.readers[0]
        wanted = (subscriber, versions.name, number)
        return next((view for view in self.views if (view.subscriber, view.contract, view.version) == wanted), None)

    @cached_property
    def _messages(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for entry in self.topics:
            for each in entry.contracts:
                for number in each.numbers:
                    name = self._name(entry, each.versions, number)
                    if name not in found:
                        found[name] = self._message(entry, each, number)
            if not entry.contracts:
                found["bytes"] = _BYTES
        return found

    def _message(self, entry: Entry, each: Carried, number: int) -> dict[str, Any]:
        view = self._view(entry, each.versions, number)
        type_ = each.versions.type_of(number)
        schema = f"{each.versions.name}.v{number}"
        urn = SCHEMA_BASE + (f"to.{view.subscriber}." if view else "") + type_
        told = view.examples if view else examples()[type_]
        foreign = entry.topic.name.startswith("submit.")
        return {
            "name": type_,
            "title": type_,
            "summary": f"{each.purpose.zh} / {each.versions.purpose}",
            "contentType": _JSON,
            "correlationId": {"location": "$message.header#/ce_correlationid"},
            "headers": _headers(type_, None if foreign else urn, of_view=view is not None),
            "payload": {"$ref": f"#/components/schemas/{f'to.{view.subscriber}.' if view else ''}{schema}"},
            "tags": [{"name": each.versions.owner, "description": "归口方 / who owns the contract"}],
            "bindings": {"kafka": {"key": _KEY, "bindingVersion": _BINDING}},
            "examples": [
                {"name": f"example{place}", "headers": _example(type_, urn), "payload": data}
                for place, data in enumerate(told, start=1)
            ],
            "x-tongche-dataschema": urn,
            "x-tongche-class": view.grade if view else grade_of(each.versions.model(number)),
        }

    @cached_property
    def _schemas(self) -> dict[str, Schema]:
        used = {(each.versions, number) for entry in self.topics for each in entry.contracts for number in each.numbers}
        found: dict[str, Schema] = {}
        for versions, number in used:
            found |= hoisted(f"{versions.name}.v{number}", current(versions, number))
        for view in self.views:
            found |= hoisted(f"to.{view.subscriber}.{view.contract}.v{view.version}", view.schema)
        return found


_SERVER: Final = {
    "host": "{bootstrap}",
    "protocol": "kafka",
    "title": "Apache Kafka ≥ 3.7",
    "description": "接入时告知的地址 / the address that a participant is told when it is admitted",
    "variables": {"bootstrap": {"description": "主机:端口 / host:port", "default": "kafka.example:9092"}},
    "bindings": {"kafka": {"bindingVersion": _BINDING}},
}
_BYTES: Final = {
    "name": "bytes",
    "title": "原样字节 / bytes as they came",
    "summary": "无法解码的消息，原样保存 / what could not be decoded, untouched",
    "contentType": "application/octet-stream",
    "headers": {
        "type": "object",
        "required": [REASON, PLACE],
        "properties": {
            REASON: {"type": "string", "description": "原因 / why"},
            PLACE: {"type": "string", "description": "来处 / topic, partition and offset that it came from"},
            CUT: {"type": "string", "description": "过长时截断前的大小 / how large it was, where it was cut"},
        },
    },
    "payload": {"type": "string", "format": "binary"},
    "tags": [{"name": "runtime", "description": _WHO["runtime"]}],
    "bindings": {"kafka": {"bindingVersion": _BINDING}},
}


def _purposes(entry: Entry) -> str:
    """For people: what is on it, and why."""
    lines = (
        f"- `{each.versions.name}`: {PURPOSES[each.versions.name].zh} / {each.versions.purpose}"
        for each in entry.contracts
    )
    return "\n".join(lines) or _BYTES["summary"]  # type: ignore[return-value]


def _headers(type_: str, urn: str | None, *, of_view: bool) -> dict[str, Any]:
    """The CloudEvents attributes; without a URN they are a publisher's, who need not tell as much as we do."""
    told = (*HEADERS, *OF_VIEWS) if of_view else HEADERS
    required = list(_FOREIGN) if urn is None else [header.name for header in HEADERS if header.required]
    fixed = {"ce_specversion": "1.0", "ce_type": type_} | ({"ce_dataschema": urn} if urn else {})
    return {
        "type": "object",
        "required": required,
        "properties": {
            header.name: {
                "type": "string",
                "description": f"{header.zh} / {header.en}",
                **({"const": fixed[header.name]} if header.name in fixed else {"minLength": 1}),
            }
            for header in told
        },
    }


def _example(type_: str, urn: str) -> dict[str, str]:
    """Headers of an invented message."""
    return {
        "ce_specversion": "1.0",
        "ce_id": "01a1fe5d-5f97-7770-a488-7e7054f0a742",
        "ce_source": "urn:tongche:example",
        "ce_type": type_,
        "ce_subject": "01a1fe5d-5e11-7417-bf82-d9a705786f3e",
        "ce_time": "2026-03-02T06:30:00.000Z",
        "ce_dataschema": urn,
        "ce_correlationid": "01a1fe5d-5e11-7417-bf82-d9a705786f3e",
    }


def hoisted(name: str, schema: Schema) -> dict[str, Schema]:
    """A schema and its parts as components of one document: AsyncAPI resolves references from the document's root."""
    parts = schema.get("$defs", {})
    renamed = {f"#/$defs/{part}": f"#/components/schemas/{name}.{part}" for part in parts}
    whole = {key: value for key, value in schema.items() if key not in {"$defs", "$id", "$schema"}}
    named = {name: whole} | {f"{name}.{part}": told for part, told in parts.items()}
    return {key: _pointing(told, renamed) for key, told in named.items()}


def _pointing(told: Any, renamed: dict[str, str]) -> Any:
    if isinstance(told, dict):
        return {
            key: renamed[value] if key == "$ref" and isinstance(value, str) else _pointing(value, renamed)
            for key, value in told.items()
        }
    return [_pointing(one, renamed) for one in told] if isinstance(told, list) else told
