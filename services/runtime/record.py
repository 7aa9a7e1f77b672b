"""What came from Kafka, and what goes to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from contracts.contract import Contract
from contracts.envelope import Headers, Message, decode, encode


class Place(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record as it came, unread. `key` is "" where there was none or it was not text."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: Headers
    value: bytes | None

    @property
    def place(self) -> Place:
        """The partition it came from."""
        return Place(self.topic, self.partition)

    @property
    def size(self) -> int:
        """About how many bytes it holds in memory."""
        return len(self.value or b"") + sum(len(name) + len(value or b"") for name, value in self.headers) + 200

    @property
    def id(self) -> str:
        """The message's own id, or its place where it has none."""
        for name, value in self.headers:
            if name == "ce_id" and value:
                return value.decode(errors="replace")
        return f"{self.topic}/{self.partition}/{self.offset}"


def read(record: Record) -> Message[Contract]:
    """The message in a record, in its newest version. Raises `contracts.envelope.Undecodable`."""
    return decode(record.headers, record.value)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to be sent. Its id stays the same however often it is sent."""

    id: str
    topic: str
    key: str
    headers: Headers
    value: bytes


def outgoing(topic: str, key: str, message: Message[Contract]) -> Outgoing:
    """Make a message ready for Kafka."""
    headers, value = encode(message)
    return Outgoing(message.envelope.id, topic, key, headers, value)
