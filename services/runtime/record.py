"""What came from Kafka, and what goes to it."""

from __future__ import annotations

from typing import Final, NamedTuple

from contracts.contract import Contract
from contracts.envelope import Headers, Message, decode, encode
from contracts.topics import LARGEST_MESSAGE

ROOM_FOR_HEADERS = 65_536
"""Bytes of the largest message that are left to its key, headers and framing."""
_OVERHEAD: Final = 200


class Place(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Record(NamedTuple):
    """One Kafka record as it came, unread. `key` is "" where there was none or it was not text."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: Headers
    value: bytes | None

    @property
    def size(self) -> int:
        """About how many bytes it holds in memory."""
        headers = sum([len(name) + len(content or b"") for name, content in self.headers])
        return _OVERHEAD + len(self.value or b"") + headers

    @property
    def place(self) -> Place:
        """The partition it came from."""
        return Place(self.topic, self.partition)

    @property
    def spot(self) -> str:
        """Where it stands on Kafka, as one word."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def id(self) -> str:
        """The message's own id, or its place where it has none that any database could keep."""
        for name, value in self.headers:
            if name == "ce_id" and (id_ := text_of(value)):
                return id_
        return self.spot


def text_of(raw: bytes | None) -> str:
    """Bytes of a stranger as text that can be stored; "" where they are none."""
    try:
        text = (raw or b"").decode()
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in text else text


def read(record: Record) -> Message[Contract]:
    """The message in a record, in its newest version. Raises `contracts.envelope.Undecodable`."""
    return decode(record.headers, record.value)


class Outgoing(NamedTuple):
    """One record to be sent. Its id stays the same however often it is sent."""

    id: str
    topic: str
    key: str
    headers: Headers
    value: bytes


def outgoing(topic: str, key: str, message: Message[Contract]) -> Outgoing:
    """Make a message ready for Kafka. Raises ValueError where Kafka would never take it."""
    headers, value = encode(message)
    if len(value) > LARGEST_MESSAGE - ROOM_FOR_HEADERS:
        raise ValueError(f"{message.envelope.type} of {len(value)} bytes is too large for Kafka")
    return Outgoing(message.envelope.id, topic, key, headers, value)
