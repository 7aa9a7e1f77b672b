"""One grant in force: all that is needed to show a message under it, worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from pydantic_core import to_json

from contracts.concerns import Concerns
from contracts.envelope import Envelope, Headers
from contracts.topics import to
from contracts.views.masks import subscribers_secret
from contracts.views.plan import View, view_of
from contracts.views.reading import SEALED
from contracts.views.rows import Concerned, concerned
from contracts.views.subscriber import Grant, Subscriber
from services.runtime.record import Outgoing

from . import voice
from .disclosures import Disclosure, Terms, terms_of
from .sealing import Seal


@dataclass(slots=True)
class Flight:
    """How many messages of a grant are on their way: between the look at the grant and their arrival on Kafka."""

    messages: int = 0


class Told(NamedTuple):
    """What one subscriber is to get of one message, and what is to be recorded before it does."""

    stream: Stream
    disclosure: Disclosure
    outgoing: Outgoing
    traceparent: str | None


class Heard(NamedTuple):
    """A message as it came, its content apart."""

    topic: str
    key: str
    envelope: Envelope
    concerns: Concerns | None


@dataclass(slots=True)
class Stream:
    """What a grant's subscriber gets. `since` and `until` are seconds since 1970."""

    view: View
    concerned: Concerned
    seal: Seal | None
    flight: Flight
    since: float
    until: float
    is_dropped: bool = False
    """Set once for good where its grant is over, or goes on with another view."""
    _shared: Headers = field(init=False)
    _topics: Mapping[str, str] = field(init=False)
    _terms: dict[int | None, Terms] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = self.view.subscriber.name
        self._shared = voice.constant(self.view)
        self._topics = {topic: to(name, topic).name for topic in self.view.topics}

    @property
    def topics(self) -> Mapping[str, str]:
        """From each topic with its contract, where the subscriber reads its view of it."""
        return self._topics

    def stands(self, now: float) -> bool:
        """Whether anything may be told under it now; asked again wherever something was waited for."""
        return self.since <= now < self.until and not self.is_dropped

    def concerns(self, heard: Heard, now: float) -> bool:
        """Whether a message is to be told now: it is no older than the grant, and one of those that it is about."""
        return self.stands(now) and heard.envelope.time.timestamp() >= self.since and self.concerned(heard.concerns)

    def shown(self, heard: Heard, data: Mapping[str, Any], lost: tuple[str, ...]) -> Told:
        """The view of a message whose data is of the pinned version. Raises `Unfit`."""
        shown = self.view.show(data)
        content = shown.clear
        if shown.sealed and self.seal is not None:
            content[SEALED] = self.seal.seal(to_json(shown.sealed))
        envelope = heard.envelope
        headers = voice.headers(self._shared, envelope, self.view.lost(lost))
        sent = Outgoing(envelope.id, self._topics[heard.topic], heard.key, headers, to_json(content))
        return Told(self, self._disclosure(heard, shown.seen), sent, envelope.traceparent)

    def withheld(self, heard: Heard, now: datetime) -> Told:
        """Word that there is a message which the pinned version cannot say."""
        sent = voice.withheld(self.view, self._topics[heard.topic], heard.key, heard.envelope, now)
        return Told(self, self._disclosure(heard, None), sent, heard.envelope.traceparent)

    def _disclosure(self, heard: Heard, seen: int | None) -> Disclosure:
        """`seen` as `Shown` has it, and None where the message is withheld."""
        terms = self._terms.get(seen)
        if terms is None:
            fields = self.view.fields_of(seen or 0)
            terms = self._terms[seen] = terms_of(self.view, fields, withheld=seen is None)
        return Disclosure(terms, heard.envelope.id, heard.envelope.subject, heard.key, self.stands)


def stream_of(subscriber: Subscriber, grant: Grant, key_secret: bytes, flight: Flight) -> Stream:
    """The stream of a grant. Raises `contracts.views.plan.NotEntitled`."""
    view = view_of(subscriber, grant, subscribers_secret(key_secret, subscriber.name))
    seal = Seal(subscriber.key) if subscriber.key is not None else None
    since = grant.since.timestamp() if grant.since is not None else 0.0
    until = grant.until.timestamp() if grant.until is not None else 0.0
    return Stream(view, concerned(subscriber), seal, flight, since, until)
