"""Reading CloudEvents 1.0 as people send them over HTTP or Kafka; what they claim is not believed here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from contracts.sale import Fault
from observability import traceparent
from services.intake.problems import NOT_A_CLOUDEVENT, UNREADABLE, Problem, fault
from services.runtime import strict_json
from services.runtime.strict_json import UnreadableJson

_REQUIRED: Final = ("specversion", "id", "source", "type")
_LONGEST: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_URI: Final = re.compile(r"[!-~]+")
_JSON_TYPE: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody handed in: readable, and not yet checked against its contract or its publisher's rights.

    `traceparent` is the event's own, if it is a valid one.
    """

    source: str
    sourceid: str
    type: str
    data: Mapping[str, Any]
    traceparent: str | None = None


def json_value(body: bytes) -> Any:
    """One JSON value. Raises a `Problem` that says why there is none, and where, but not what was there."""
    try:
        return strict_json.loads(body)
    except UnreadableJson as wrong:
        where = f"（行:列 / line:column {wrong.where}）" if wrong.where else ""
        fix = f"内容须为严格的 JSON / the body must be strict JSON: {wrong.reason}{where}"
        raise Problem(UNREADABLE, fault("body", wrong.reason), fix=fix) from None


def structured(event: Any) -> Submission:
    """An event of the JSON format. Raises a `Problem` with every fault of its attributes."""
    if not isinstance(event, Mapping):
        raise Problem(NOT_A_CLOUDEVENT, fault("body", "not_an_object"))
    faults = [*_attribute_faults(event), *_data_faults(event)]
    if faults:
        raise Problem(NOT_A_CLOUDEVENT, *faults)
    return _submission(event, event["data"])


def binary(headers: Iterable[tuple[str, str]], body: bytes) -> Submission:
    """An event whose attributes are HTTP headers `ce-…`. Raises a `Problem` with every fault of them."""
    return _binary(headers, "ce-", _from_http, body)


def _binary(headers: Iterable[tuple[str, str]], prefix: str, text_of: Callable[[str], str], body: bytes) -> Submission:
    attributes, faults = _from_headers(headers, prefix, text_of)
    faults += _attribute_faults({name: text for name, text in attributes.items() if name != "traceparent"})
    if faults:
        raise Problem(NOT_A_CLOUDEVENT, *faults)
    data = json_value(body)
    if not isinstance(data, Mapping):
        raise Problem(NOT_A_CLOUDEVENT, fault("data", "not_an_object"))
    return _submission(attributes, data)


def from_record(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Submission:
    """An event from Kafka, in its binary or its structured mode. Raises a `Problem`."""
    try:
        texts = [(name.lower(), (text or b"").decode()) for name, text in headers]
    except UnicodeDecodeError:
        raise Problem(NOT_A_CLOUDEVENT, fault("headers", "not_utf8")) from None
    if value is None:
        raise Problem(UNREADABLE, fault("body", "empty"))
    if any(name == "content-type" and text.startswith("application/cloudevents") for name, text in texts):
        return structured(json_value(value))
    return _binary(texts, "ce_", str, value)


def source_id(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    """The id of a record that may be no event at all, if it can be told back."""
    for name, value in headers:
        if name.lower() == "ce_id" and value:
            return _tellable(value)
    return None


def _tellable(id_: bytes) -> str | None:
    try:
        text = id_.decode()
    except UnicodeDecodeError:
        return None
    return None if _id_faults(text) else text


def _submission(attributes: Mapping[str, Any], data: Mapping[str, Any]) -> Submission:
    given = attributes.get("traceparent")
    place = traceparent.read(given) if isinstance(given, str) else None
    return Submission(
        source=attributes["source"],
        sourceid=attributes["id"],
        type=attributes["type"],
        data=data,
        traceparent=str(place) if place else None,
    )


def _from_headers(
    headers: Iterable[tuple[str, str]], prefix: str, text_of: Callable[[str], str]
) -> tuple[dict[str, str], list[Fault]]:
    attributes: dict[str, str] = {}
    faults = []
    for header, value in headers:
        name = header.lower().removeprefix(prefix)
        if name == header.lower():
            continue
        if name in attributes:
            faults.append(fault(_safe(name), "repeated"))
        try:
            attributes[name] = text_of(value)
        except UnicodeError:
            faults.append(fault(_safe(name), "not_utf8"))
    return attributes, faults


def _from_http(value: str) -> str:
    # The HTTP binding: whatever is not printable ASCII is percent-encoded UTF-8; Kafka's headers are UTF-8 as they are.
    value.encode("ascii")
    return unquote(value.strip().strip('"'), errors="strict")


def _safe(name: str) -> str:
    return name if name in (*_REQUIRED, "time", "subject", "traceparent") else "attribute"


def _attribute_faults(event: Mapping[str, Any]) -> list[Fault]:
    faults = [fault(name, "missing") for name in _REQUIRED if event.get(name) in (None, "")]
    given = {name: event[name] for name in (*_REQUIRED, "time") if event.get(name) not in (None, "")}
    faults += [fault(name, "not_text") for name, value in given.items() if not isinstance(value, str)]
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    if texts.get("specversion", "1.0") != "1.0":
        faults.append(fault("specversion", "unknown_version", suggestion="1.0"))
    if "id" in texts:
        faults += _id_faults(texts["id"])
    if "source" in texts and not (_URI.fullmatch(texts["source"]) and len(texts["source"]) <= _LONGEST):
        faults.append(fault("source", "not_a_uri"))
    if "time" in texts and not _is_instant(texts["time"]):
        faults.append(fault("time", "not_rfc3339"))
    return faults


def _id_faults(text: str) -> list[Fault]:
    if not text.strip():
        return [fault("id", "missing")]
    if len(text) > _LONGEST:
        return [fault("id", "too_long")]
    return [fault("id", "control_character")] if _CONTROL.search(text) else []


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _data_faults(event: Mapping[str, Any]) -> list[Fault]:
    if "data_base64" in event:
        return [fault("data_base64", "use_data")]
    if not isinstance(event.get("data"), Mapping):
        return [fault("data", "not_an_object" if "data" in event else "missing")]
    kind = event.get("datacontenttype", "application/json")
    if not isinstance(kind, str) or not _JSON_TYPE.fullmatch(kind):
        return [fault("datacontenttype", "not_json", suggestion="application/json")]
    return []
