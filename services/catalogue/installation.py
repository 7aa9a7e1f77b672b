"""Whose catalogue it is: the publishers and subscribers of one installation, and what its subscribers really used.

Names, titles, purposes and fields; no token, key, address or path of the installation goes any further than here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from adapters.organisations import ORGANISATIONS, Organisation
from contracts.topics import Topic, all_topics
from contracts.views.plan import View
from contracts.views.schema import offered
from contracts.views.subscriber import Subscribers


class Publisher(NamedTuple):
    """One publisher, as people know it."""

    name: str
    title: str


class Used(NamedTuple):
    """What one grant has disclosed so far: messages, how many of them held each field, and how many told of none."""

    messages: int
    fields: Mapping[str, int]
    withheld: int = 0


@dataclass(frozen=True)
class Installation:
    """`used` is by grant id; None where nothing runs that could tell, which is not the same as nothing used."""

    publishers: tuple[Publisher, ...]
    subscribers: Subscribers = field(default_factory=Subscribers)
    used: Mapping[str, Used] | None = None
    organisations: Mapping[str, Organisation] = field(default_factory=lambda: ORGANISATIONS)

    @property
    def titles(self) -> dict[str, str]:
        """What publishers and subscribers are called, by their names; one may be both."""
        subscribers = {one.name: one.title for one in self.subscribers.subscribers}
        return subscribers | {one.name: one.title for one in self.publishers}

    def disclosed(self, grant: str, field: str) -> int | None:
        """In how many messages of a grant a field was; None where nothing runs that could tell."""
        if self.used is None:
            return None
        used = self.used.get(grant)
        return used.fields.get(field, 0) if used else 0

    def offered(self) -> tuple[View, ...]:
        """What each subscriber gets of each version that it pinned; of grants that may not be given nothing."""
        return tuple(view for subscriber in self.subscribers.subscribers for view in offered(subscriber))

    def topics(self) -> tuple[Topic, ...]:
        """Every topic, in the order of the table."""
        publishers = [publisher.name for publisher in self.publishers]
        return tuple(all_topics(self.organisations, publishers, self.subscribers.views()))
