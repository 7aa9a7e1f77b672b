"""What the pure core may know of the world around a case, handed in by the shell."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime

from contracts.contract import Contract
from contracts.policy import Policies
from contracts.policy.calendar import WorkingCalendar

from .case import Case


@dataclass(frozen=True, slots=True)
class World:
    """The moment of a decision. `new_id` mints the ids of commands; `organisations` are those that can be reached."""

    now: datetime
    today: date
    policies: Policies
    organisations: Collection[str]
    new_id: Callable[[], str]

    @property
    def calendar(self) -> WorkingCalendar:
        """Which days the agencies work."""
        return WorkingCalendar.of(self.policies)


@dataclass(frozen=True, slots=True)
class Told:
    """A message came. `cause` is the id of the command it answers; `taken`: the VIN already has or had a case.

    `by` is the organisation that says it, where one does.
    """

    data: Contract
    id: str
    cause: str | None = None
    by: str | None = None
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Contested:
    """Somebody else reported a sale of the car whose case this is, and was refused."""


@dataclass(frozen=True, slots=True)
class TurnedBack:
    """The return of the car was called off: what its case had taken over goes back to the case of the sale."""

    back: Case


@dataclass(frozen=True, slots=True)
class Due:
    """A timer fell due."""

    timer: str


@dataclass(frozen=True, slots=True)
class Assign:
    """A person gives the case to somebody."""

    owner: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Resume:
    """A person lets what is held go on."""

    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Secure:
    """A person records that the lender has other security than the mortgage it refused."""

    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """A person calls the case off."""

    reason: str
    by: str


Act = Assign | Resume | Secure | Cancel
Event = Told | Contested | TurnedBack | Due | Act
