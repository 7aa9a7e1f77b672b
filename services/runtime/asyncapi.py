"""What a service says and hears on Kafka, as an AsyncAPI 3 document.

The only place of ours that calls FastStream, and it is never started: our own lanes consume. Importing it takes a
second, so nobody imports this module before the document is asked for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Union

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from pydantic import BaseModel

from adapters.organisations import ORGANISATIONS
from contracts import topics
from contracts.topics import Topic
from contracts.versions import Versions
from contracts.views.reading import view_of

from .topics import PROJECTION

VERSION: Final = "0.1.0"
"""As in pyproject.toml; what runs from a checkout is not installed, so nobody else could tell."""

_POISON: Final = ".poison"
_SUBMIT: Final = topics.submit("").name


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic and what is on it; nothing of ours on those that keep foreign bytes."""

    name: str
    topic: Topic
    carried: tuple[Versions, ...]

    @property
    def purpose(self) -> str:
        """For people: the topic's purpose, and that of each type on it."""
        types = (f"- `{versions.type_of()}`: {versions.purpose}" for versions in self.carried)
        return "\n".join((self.topic.purpose, *types))

    @property
    def payload(self) -> Any:
        """The newest class of each contract: what readers get, whatever was written; of a view what it may leave."""
        models: tuple[type[BaseModel], ...] = tuple(versions.models[-1] for versions in self.carried)
        if self.topic.owner == PROJECTION:
            models = tuple(view_of(versions.models[-1]) for versions in self.carried)
        return Union[models] if models else bytes  # noqa: UP007 - the members are known at run time only


@cache
def document(
    service: str, bootstrap: str, consumed: frozenset[str], views: tuple[tuple[str, str], ...] = ()
) -> dict[str, Any]:
    """The AsyncAPI 3 document of a service that consumes these topics; what it writes follows from the owners.

    `views` are pairs of a subscriber and a topic that it has a view of.
    """
    heard, said = _heard(consumed), _said(service, consumed, views)
    spec = AsyncAPI(_broker(bootstrap, heard, said), title=f"Tongche {service}", version=VERSION)
    told: dict[str, Any] = _legal(spec.to_specification().to_jsonable())
    for channel in (*heard, *said):
        for message in _messages(told, channel):
            message.update(_transport(channel))
    return told


def _heard(consumed: Collection[str]) -> list[Channel]:
    return [channel for channel in _channels(consumed) if channel.topic.name in consumed]


def _said(service: str, consumed: Collection[str], views: Collection[tuple[str, str]]) -> list[Channel]:
    """What the table says this service writes, and what the runtime writes in every service."""
    poison = {f"{name}{_POISON}" for name in consumed}
    return [
        # Who reads the spans of all writes its own there too: one topic, two channels, and FastStream wants two names.
        replace(channel, name=f"{channel.name}.written") if channel.name in consumed else channel
        for channel in _channels(consumed, views)
        if channel.topic.owner in {service, topics.TELEMETRY_SPANS.owner} or channel.name in poison
    ]


def _channels(consumed: Collection[str], views: Collection[tuple[str, str]] = ()) -> Iterator[Channel]:
    """Every channel there is; of the publishers' those of the publishers that are followed."""
    publishers = (name.removeprefix(_SUBMIT) for name in consumed if name.startswith(_SUBMIT))
    table = topics.all_topics(ORGANISATIONS, sorted(publishers), views)
    return (Channel(topic.name, topic, topics.carried(topic.name)) for topic in table)


def _broker(bootstrap: str, heard: Iterable[Channel], said: Iterable[Channel]) -> KafkaBroker:
    """A broker that only describes."""
    broker = KafkaBroker(bootstrap)
    for channel in heard:
        subscriber = broker.subscriber(channel.topic.name, title=channel.name, description=channel.purpose)
        subscriber(_reader(channel.payload))
    for channel in said:
        broker.publisher(channel.topic.name, title=channel.name, description=channel.purpose, schema=channel.payload)
    return broker


def _reader(payload: Any) -> Callable[[Any], Awaitable[None]]:
    """A function whose only use is what it says it takes."""

    async def read(message: Any) -> None: ...

    read.__annotations__["message"] = payload
    return read


def _legal(told: Any) -> Any:
    """The same with names that AsyncAPI allows: FastStream puts colons into those of components."""
    if isinstance(told, dict):
        return {
            key.replace(":", "."): value.replace(":", ".") if key == "$ref" else _legal(value)
            for key, value in told.items()
        }
    return [_legal(one) for one in told] if isinstance(told, list) else told


def _messages(told: dict[str, Any], channel: Channel) -> Iterator[dict[str, Any]]:
    for message in told["channels"][channel.name]["messages"].values():
        yield told["components"]["messages"][message["$ref"].rpartition("/")[2]]


def _transport(channel: Channel) -> dict[str, Any]:
    """What FastStream cannot know: how the bytes are to be read, and which header correlates."""
    if not channel.carried:
        return {"contentType": "application/octet-stream"}
    return {
        "contentType": "application/json",
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "headers": _headers(channel),
    }


def _headers(channel: Channel) -> dict[str, Any]:
    """The CloudEvents attributes: of publishers fewer are demanded than we write ourselves."""
    foreign = channel.topic.name.startswith(_SUBMIT)
    required = ("id", "source") if foreign else ("id", "source", "subject", "time", "dataschema")
    types = [versions.type_of(number + 1) for versions in channel.carried for number in range(versions.newest)]
    return {
        "type": "object",
        "required": ["ce_specversion", "ce_type", *(f"ce_{name}" for name in required)],
        "properties": {
            "ce_specversion": {"const": "1.0"},
            "ce_type": {"enum": types},
            **{f"ce_{name}": {"type": "string", "minLength": 1} for name in required},
        },
    }
