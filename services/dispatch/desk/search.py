"""Looking for deliveries that wait: what a person says they want, and a page of what there is.

What is parked or dead stands in the store, and so does what is held in the lanes of any process, while Kafka keeps the
backlog behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Connection

from contracts import keys
from contracts.delivery import FailureClass
from contracts.numbers import vin as vins
from contracts.types import Identifier, Vin
from services.dispatch.consumers import consumer_of
from services.runtime import parking
from services.runtime.parking import Mark, Parked, Wanted
from services.runtime.store import Store, StoreUnavailable

from . import held
from .counter import Counter
from .held import Held, Holding

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


Row = Parked | Held


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, oldest first; how many there are in all; and the mark after which the next page begins."""

    rows: list[Row]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True)
class Searching:
    """Finds deliveries; what waits in the lanes of this process is noted first."""

    store: Store
    counters: Mapping[str, Counter]
    key_secret: bytes
    holding: Holding

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
        with suppress(StoreUnavailable):  # what cannot be written now was noted before, or can be read all the same
            await self.holding.note()

        def look(connection: Connection) -> tuple[list[Row], int]:
            rows: list[Row] = [*parking.page(connection, wanted, after, search.most + 1)]
            count = parking.count(connection, wanted)
            if search.state in {None, "held"}:
                rows += held.page(connection, wanted, after, search.most + 1)
                count += held.count(connection, wanted)
            return sorted(rows, key=_place), count

        rows, total = await self.store.read(look)
        shown = rows[: search.most]
        return Page(shown, total, _text(_place(shown[-1])) if len(rows) > len(shown) else None)

    def means(self, filter_: Filter, organisation: str) -> bool:
        """Whether an organisation is among those that a person means."""
        kind = self.counters[organisation].organisation.agency
        return filter_.organisation in {None, organisation} and filter_.agency in {None, kind}

    def _consumers(self, filter_: Filter) -> Collection[str] | None:
        if filter_.organisation is None and filter_.agency is None:
            return None
        found = [consumer_of(name) for name in self.counters if self.means(filter_, name)]
        if not found:
            raise UnknownOrganisation(filter_.organisation or filter_.agency)
        return found


def _states(filter_: Filter) -> Collection[parking.State] | None:
    if filter_.state is None:
        return None
    return frozenset(state for state in _WAITS if state == filter_.state)


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
