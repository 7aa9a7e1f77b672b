"""A message as it stands on a subscriber's topic, made into one structured CloudEvents JSON text."""

from __future__ import annotations

from typing import Final, NamedTuple

from pydantic_core import to_json

from contracts.envelope import envelope_of
from contracts.subscription import SUBSCRIPTION_ENDED
from services.projection.voice import grant_of
from services.runtime.record import Record

MEDIA_TYPE: Final = "application/cloudevents+json; charset=utf-8"
_PREFIX: Final = "ce_"


class Letter(NamedTuple):
    """What is posted. `grant` is the one under which it is told; none where it is the last word about a grant."""

    id: str
    type: str
    grant: str | None
    subject: str
    traceparent: str | None
    body: bytes


def letter(record: Record) -> Letter:
    """The letter that a record is. Raises `contracts.envelope.Undecodable`."""
    envelope = envelope_of(record.headers)
    is_last = envelope.type.startswith(f"tongche.{SUBSCRIPTION_ENDED.name}.")
    grant = None if is_last else grant_of(envelope.source)
    return Letter(envelope.id, envelope.type, grant, envelope.subject, envelope.traceparent, _structured(record))


def _structured(record: Record) -> bytes:
    """Attributes as members, and the data as it stands there, byte for byte."""
    told = {_attribute(name): value.decode() for name, value in record.headers}
    return to_json(told)[:-1] + b',"data":' + (record.value or b"null") + b"}"


def _attribute(header: str) -> str:
    return "datacontenttype" if header == "content-type" else header.removeprefix(_PREFIX)
