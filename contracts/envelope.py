"""The CloudEvents 1.0 envelope of every message, in Kafka's binary mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from .contract import Contract
from .fields import grade_of, words_of
from .registry import CONTRACTS, UnknownType, contract_of, resolve
from .types import instant_text

T_co = TypeVar("T_co", bound=Contract, covariant=True)
Headers = tuple[tuple[str, bytes], ...]

SCHEMA_BASE: Final = "urn:tongche:schema:"


class Undecodable(ValueError):
    """Bytes that are not one of our messages; `reason` is stable and carries none of their content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Envelope(NamedTuple):
    """The CloudEvents attributes that we set. `subject` is the case; times are aware, kept in milliseconds.

    `sourceid` is a publisher's own id, the other half of the de-duplication key (`source`, `sourceid`). `concerns`
    (see `contracts.concerns`) is for our own topics only.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    dataschema: str
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    dataclassification: str | None = None
    sourceid: str | None = None
    purpose: str | None = None
    policypacks: str | None = None
    concerns: str | None = None


class Message(NamedTuple, Generic[T_co]):
    """An envelope and its data; the data is always of the newest version of its contract when read."""

    envelope: Envelope
    data: T_co


_REQUIRED: Final = tuple(name for name in Envelope._fields if name not in Envelope._field_defaults)
_FIXED: Final[Headers] = (("content-type", b"application/json"), ("ce_specversion", b"1.0"))
_HEADERS: Final = tuple(f"ce_{name}" for name in Envelope._fields)
"""In the order of the envelope's attributes: those that are always there come first."""
_ALWAYS: Final = len(_REQUIRED)
_TIME: Final = _HEADERS.index("ce_time")
_WORDS: Final = frozenset(
    name for versions in CONTRACTS.values() for model in versions.models for name in words_of(model)
)


def message(  # noqa: PLR0913 - these are the attributes of the standard, all by name
    data: Contract,
    *,
    id: str,  # noqa: A002 - the standard's name
    source: str,
    subject: str,
    time: datetime,
    cause: Envelope | None = None,
    traceparent: str | None = None,
    sourceid: str | None = None,
    purpose: str | None = None,
    policypacks: str | None = None,
    concerns: str | None = None,
) -> Message[Contract]:
    """Put data of any registered version into its envelope; `cause` is the message it answers.

    What it concerns is told, or else what its cause concerns.
    """
    versions, number = contract_of(data)
    type_ = versions.type_of(number)
    envelope = Envelope(
        id=id,
        source=source,
        type=type_,
        subject=subject,
        time=time,
        dataschema=SCHEMA_BASE + type_,
        correlationid=subject,
        causationid=cause.id if cause else None,
        traceparent=traceparent or (cause.traceparent if cause else None),
        dataclassification=grade_of(type(data)),
        sourceid=sourceid,
        purpose=purpose or versions.purpose,
        policypacks=policypacks,
        concerns=concerns or (cause.concerns if cause else None),
    )
    return Message(envelope, data)


def encode(sent: Message[Contract]) -> tuple[Headers, bytes]:
    """Headers and value for Kafka; the data is written in the version that its class is."""
    envelope = sent.envelope
    told: list[Any] = [*envelope]
    told[_TIME] = instant_text(envelope.time)
    headers = [(header, value.encode()) for header, value in zip(_HEADERS, told, strict=True) if value is not None]
    return (*_FIXED, *headers), sent.data.model_dump_json(exclude_none=True).encode()


def decode(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> Message[Contract]:
    """Read one message and lift its data to the newest version.

    Raises `Undecodable` for anything that is not a valid message of a registered contract.
    """
    envelope = envelope_of(headers)
    if value is None:
        raise Undecodable("no-value")
    try:
        versions, number = resolve(envelope.type)
        return Message(envelope, versions.read(number, value))
    except UnknownType:
        raise Undecodable("unknown-type") from None
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False, include_context=False)[0]
        reason = f"contract:{_where(first['loc'])}:{first['type']}"[:200]
        raise Undecodable(reason) from None


def envelope_of(headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
    """Read the attributes alone. Raises `Undecodable`."""
    texts = _texts(headers)
    if texts.get("ce_specversion") != "1.0":
        raise Undecodable("not-cloudevents-1.0")
    told: list[Any] = list(map(texts.get, _HEADERS))
    if not all(told[:_ALWAYS]):
        missing = [name for name in _REQUIRED if not texts.get(f"ce_{name}")]
        raise Undecodable("missing:" + ",".join(missing))
    told[_TIME] = _instant(told[_TIME])
    return Envelope(*told)


def _texts(headers: Iterable[tuple[str, bytes | None]]) -> Mapping[str, str]:
    found = tuple(headers)
    try:
        return {name: value.decode() for name, value in found}  # type: ignore[union-attr]
    except AttributeError:
        raise Undecodable("header-null") from None
    except UnicodeDecodeError:
        raise Undecodable("header-not-utf8") from None


def _where(path: tuple[int | str, ...]) -> str:
    """A place in a message by our own words: the name of an unknown field is the sender's, and could be anything."""
    return ".".join(str(step) for step in path if isinstance(step, int) or step in _WORDS)


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Undecodable("time-not-rfc3339") from None
    if moment.tzinfo is None:
        raise Undecodable("time-not-aware")
    return moment
