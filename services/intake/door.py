"""What the door does with events that were read: what may come in, in what order, and what is told back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from observability import metrics
from services.intake import admission, cloudevents
from services.intake.admission import Admissible
from services.intake.cloudevents import Submission
from services.intake.ledger import Acknowledged, Ledger, Origin, in_flight
from services.intake.problems import TOO_LARGE, UNAVAILABLE, Problem, fault
from services.intake.publishers import Publisher
from services.runtime.store import Store, StoreUnavailable

T = TypeVar("T")

AT_ONCE: Final = 200
MOST_ITEMS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Item:
    """One event of a batch: the id its publisher gave it, if it gave one, and what became of it."""

    sourceid: str | None
    outcome: Acknowledged | Problem


@dataclass(frozen=True, slots=True)
class Door:
    """Takes in events. Nothing is acknowledged before it is durable."""

    store: Store
    ledger: Ledger
    _taking: set[tuple[str, str]] = field(default_factory=set)

    async def take(self, submission: Submission, publisher: Publisher, origin: Origin) -> Acknowledged:
        """Take one in. Raises a `Problem`."""
        with _counted():
            wanted = self._examined(submission, publisher)
            with self._alone(wanted):
                acknowledged = await _stored(
                    self.store, lambda connection: self.ledger.admit(connection, wanted, publisher.name, origin)
                )
        metrics.count("tongche_door_sales_total", result=acknowledged.status)
        return acknowledged

    async def take_batch(self, events: Sequence[Any], publisher: Publisher, origin: Origin) -> list[Item]:
        """Take many in, each by itself. Raises a `Problem` if they are too many, or nothing at all could be stored."""
        if len(events) > MOST_ITEMS:
            fix = f"最多 {MOST_ITEMS} 条，请分几批发送 / at most {MOST_ITEMS} events: send several batches"
            raise Problem(TOO_LARGE, fault("body", "too_many_items"), fix=fix)
        items: list[Item] = []
        for start in range(0, len(events), AT_ONCE):
            items += await self._take_some(events[start : start + AT_ONCE], publisher, origin)
        outcomes = [item.outcome for item in items]
        if items and all(isinstance(each, Problem) and each.kind is UNAVAILABLE for each in outcomes):
            raise unavailable()
        for each in outcomes:
            metrics.count(
                "tongche_door_sales_total", result=each.status if isinstance(each, Acknowledged) else "refused"
            )
        return items

    async def _take_some(self, events: Sequence[Any], publisher: Publisher, origin: Origin) -> list[Item]:
        # In a thread: checking them would hold up everybody else at the door.
        examined = await asyncio.to_thread(lambda: [self._read(event, publisher) for event in events])
        read = [(id_, self._unless_taking(each)) for id_, each in examined]
        wanted = [each for _, each in read if isinstance(each, Admissible)]
        keys = {_key(each) for each in wanted}
        self._taking.update(keys)
        try:
            outcomes = iter(
                await _stored(
                    self.store,
                    lambda connection: self.ledger.admit_each(connection, wanted, publisher.name, origin),
                )
            )
        except Problem as problem:
            outcomes = iter([problem] * len(wanted))
        finally:
            self._taking.difference_update(keys)
        return [Item(id_, each if isinstance(each, Problem) else next(outcomes)) for id_, each in read]

    def _read(self, event: Any, publisher: Publisher) -> tuple[str | None, Admissible | Problem]:
        id_ = None
        try:
            submission = cloudevents.structured(event)
            id_ = submission.sourceid
            wanted = self._examined(submission, publisher)
        except Problem as problem:
            return id_, problem
        return id_, wanted

    def _unless_taking(self, examined: Admissible | Problem) -> Admissible | Problem:
        if isinstance(examined, Admissible) and _key(examined) in self._taking:
            return in_flight()
        return examined

    def _examined(self, submission: Submission, publisher: Publisher) -> Admissible:
        admission.check_source(submission, publisher)
        return admission.examine(submission, publisher, self.ledger.clock.today())

    @contextmanager
    def _alone(self, wanted: Admissible) -> Iterator[None]:
        """Whoever comes with the same id before this one is durable is told to come again."""
        key = _key(wanted)
        if key in self._taking:
            raise in_flight()
        self._taking.add(key)
        try:
            yield
        finally:
            self._taking.discard(key)


def unavailable() -> Problem:
    """The store cannot write, so nothing may be promised."""
    return Problem(UNAVAILABLE, fix="稍后重试，不会重复 / try again later, safely", headers={"Retry-After": "5"})


def _key(wanted: Admissible) -> tuple[str, str]:
    return wanted.source, wanted.sourceid


async def _stored(store: Store, act: Callable[[Connection], T]) -> T:
    try:
        return await store.run(act)
    except StoreUnavailable:
        raise unavailable() from None


@contextmanager
def _counted() -> Iterator[None]:
    try:
        yield
    except Problem:
        metrics.count("tongche_door_sales_total", result="refused")
        raise
