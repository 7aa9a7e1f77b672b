"""Looking for deliveries that wait: what a person says they want, and a page of what there is.

What is parked or dead stands in the store; what is held stands in the lanes of this process, while Kafka keeps the
backlog behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts import keys
from contracts.delivery import FailureClass
from contracts.envelope import Envelope, Undecodable, envelope_of
from contracts.numbers import vin as vins
from contracts.types import Identifier, Vin
from services.runtime import parking
from services.runtime.breaker import State
from services.runtime.parking import Mark, Parked, Wanted
from services.runtime.record import Record
from services.runtime.store import Store

from .counter import Counter, consumer_of

LONGEST_PAGE: Final = 500
_PAGE: Final = 100
_WAITS: Final[frozenset[parking.State]] = frozenset({"parked", "dead"})


class UnknownOrganisation(LookupError):
    """There is no organisation of that name, or none of that kind."""


class Filter(BaseModel):
    """Which deliveries a person means; what is left out does not matter. A VIN stands in a body only."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    organisation: Identifier | None = None
    agency: Identifier | None = None
    state: Literal["held", "parked", "dead"] | None = None
    failure: FailureClass | None = None
    command: Annotated[str, StringConstraints(max_length=60)] | None = None
    vin: Vin | None = None
    case: Annotated[str, StringConstraints(max_length=80)] | None = None
    older_than_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class Search(Filter):
    """A page of them: so many, after the mark that the page before gave."""

    after: Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(e\+[0-9]+)? .{1,200}$")] | None = None
    most: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = _PAGE


@dataclass(frozen=True, slots=True)
class Held:
    """A command that waits in its lane for its organisation to come back."""

    organisation: str
    record: Record
    envelope: Envelope

    @property
    def since(self) -> float:
        """When it became due."""
        return self.envelope.time.timestamp()

    @property
    def command(self) -> str:
        """Its contract."""
        return self.envelope.type.removeprefix("tongche.").rsplit(".", 1)[0]

    def wanted(self, wanted: Wanted) -> bool:
        """Whether a person looks for it."""
        return (
            (wanted.consumers is None or consumer_of(self.organisation) in wanted.consumers)
            and wanted.failure is None
            and wanted.command in {None, self.command}
            and wanted.case in {None, self.envelope.subject}
            and wanted.key in {None, self.record.key}
            and (wanted.before is None or self.since < wanted.before)
        )


Row = Parked | Held


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, oldest first; how many there are in all; and the mark after which the next page begins."""

    rows: list[Row]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True)
class Searching:
    """Finds deliveries in the store and in the lanes of this process."""

    store: Store
    counters: Mapping[str, Counter]
    key_secret: bytes

    def wanted(self, filter_: Filter, now: float) -> Wanted:
        """The same in the store's words: a vehicle by its key. Raises `UnknownOrganisation`."""
        key = keys.vehicle_key(self.key_secret, vins.compact(filter_.vin)) if filter_.vin else None
        before = now - filter_.older_than_s if filter_.older_than_s is not None else None
        return Wanted(
            consumers=self._consumers(filter_),
            states=_states(filter_),
            failure=filter_.failure,
            command=filter_.command,
            case=filter_.case,
            key=key,
            before=before,
        )

    async def page(self, search: Search, now: float) -> Page:
        """One page. Raises `UnknownOrganisation`."""
        wanted, after = self.wanted(search, now), _mark(search.after)
        held = [one for one in self.held() if one.wanted(wanted)] if search.state in {None, "held"} else []
        parked, count = await self.store.read(lambda connection: _stored(connection, wanted, after, search.most + 1))
        known = {row.record.id for row in parked}
        # What was parked a moment ago may still be in its lane.
        apart = sorted((one for one in held if one.record.id not in known), key=_place)
        waiting = [one for one in apart if after is None or _place(one) > after]
        rows: list[Row] = sorted([*parked, *waiting], key=_place)
        shown = rows[: search.most]
        return Page(shown, count + len(apart), _text(_place(shown[-1])) if len(rows) > len(shown) else None)

    def held(self) -> list[Held]:
        """What waits in the lanes of organisations that may not be called, each vehicle's in its order."""
        found: list[Held] = []
        for name, counter in self.counters.items():
            if counter.deliveries.breaker.state is not State.CLOSED:
                found += filter(None, (_held(name, record) for record in counter.lanes.waiting()))
        return found

    def means(self, filter_: Filter, organisation: str) -> bool:
        """Whether an organisation is among those that a person means."""
        kind = self.counters[organisation].organisation.adapter
        return filter_.organisation in {None, organisation} and filter_.agency in {None, kind}

    def _consumers(self, filter_: Filter) -> Collection[str] | None:
        if filter_.organisation is None and filter_.agency is None:
            return None
        found = [consumer_of(name) for name in self.counters if self.means(filter_, name)]
        if not found:
            raise UnknownOrganisation(filter_.organisation or filter_.agency)
        return found


def _stored(connection: Any, wanted: Wanted, after: Mark | None, most: int) -> tuple[list[Parked], int]:
    return parking.page(connection, wanted, after, most), parking.count(connection, wanted)


def _states(filter_: Filter) -> Collection[parking.State] | None:
    if filter_.state is None:
        return None
    return frozenset(state for state in _WAITS if state == filter_.state)


def _held(organisation: str, record: Record) -> Held | None:
    try:
        return Held(organisation, record, envelope_of(record.headers))
    except Undecodable:
        return None  # its turn will come to be set aside


def _place(row: Row) -> Mark:
    return row.since, row.record.id


def _text(mark: Mark) -> str:
    since, id_ = mark
    return f"{since!r} {id_}"


def _mark(text: str | None) -> Mark | None:
    if text is None:
        return None
    since, _, id_ = text.partition(" ")
    return float(since), id_
