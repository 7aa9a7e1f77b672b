"""The Kafka headers of a message: CloudEvents attributes in binary mode, and what each means."""

from __future__ import annotations

from typing import Final, NamedTuple


class Header(NamedTuple):
    """One header; `required` of what we write ourselves."""

    name: str
    zh: str
    en: str
    required: bool


HEADERS: Final = (
    Header("ce_specversion", "CloudEvents 版本，恒为 1.0", "version of CloudEvents, always 1.0", True),
    Header("ce_id", "消息编号（UUID），重投时不变", "id of the message (a UUID), kept when it is sent again", True),
    Header("ce_source", "发出方", "who says it", True),
    Header("ce_type", "消息类型和版本", "type and version", True),
    Header("ce_subject", "业务编号", "the case", True),
    Header("ce_time", "发出时间，UTC，毫秒", "when it was said, UTC, milliseconds", True),
    Header("ce_dataschema", "数据的 JSON Schema 名称", "name of the JSON Schema of the data", True),
    Header("ce_correlationid", "关联编号：所属业务", "correlation: the case", False),
    Header("ce_causationid", "起因消息的编号", "id of the message that caused it", False),
    Header("ce_traceparent", "W3C 追踪上下文", "W3C trace context", False),
    Header("ce_dataclassification", "数据分级", "class of the data", False),
    Header("ce_sourceid", "发布方自己的编号", "the publisher's own id", False),
    Header("ce_purpose", "用途", "purpose", False),
    Header("ce_policypacks", "决定所依据的政策包", "policy packs that decided", False),
)
OF_VIEWS: Final = (
    Header("ce_grant", "所依据的授权", "the grant under which it is shown", False),
    Header("ce_lost", "所选版本未能表达的字段，以逗号分隔", "fields that the pinned version could not say", False),
)
"""On subscribers' topics only."""
