"""What can be seen of one sale from outside, and the words in which a scenario says what it wants to see.

The same words serve for what must be seen before a step, for what must hold in between, and for the end. Whatever is
left out does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

PlateClass = Literal["fuel", "D-set", "F-set"]
Amount = Literal[
    "invoiced",
    "tax_full",
    "tax_relief",
    "tax_payable",
    "surcharge",
    "tax_paid",
    "tax_refunded",
    "premium",
    "vessel_tax",
    "premium_refunded",
    "lent",
]


class Form(BaseModel):
    """Closed: a misspelt word must not look like a fulfilled wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Held(Form):
    """Why a facet is held. `manual`: a person has it, and no timer moves it."""

    reason: str
    code: str | None = None
    owner: str | None = None
    manual: bool | None = None


class Stepped(Form):
    """A step of the case's story."""

    rule: str
    facet: str | None = None
    before: str | None = None
    after: str | None = None
    pack: str | None = None


class Seen(Form):
    """What is to be seen of one sale. Amounts are in fen, as the agencies' own books have them.

    `effects` are all that stand in the agencies' ledgers of this car, each with how often; `done` some that do,
    `undone` those that do not. In `order` each row is a sequence of effects, by the first of each kind. `steps` are
    among those of the case, in this order. `numbers` names fields of effects whose values must have a shape and differ
    from each other. `told` is what the publisher gets to know; `unsaid` are words that stand nowhere in the case's
    story.
    """

    absent: Literal[True] | None = None
    headline: str | None = None
    code: str | None = None
    owner: str | None = None
    facets: dict[str, str] | None = None
    holds: dict[str, Held] | None = None
    packs: frozenset[str] | None = None
    timers: dict[str, datetime] | None = None
    steps: tuple[Stepped, ...] | None = None
    met: dict[str, frozenset[str]] | None = None
    """By command, how its attempts ended: results and codes, each at least once."""
    tries: dict[str, Annotated[int, Field(ge=3)]] | None = None
    """By command, how often at least it was tried, and the last pause between tries was longer than the first."""
    away: dict[str, str] | None = None
    """By organisation that may not be called, a word of why."""
    waits: frozenset[str] | None = None
    """Commands that dispatch holds or has parked."""
    effects: dict[str, Annotated[int, Field(ge=1)]] | None = None
    done: frozenset[str] | None = None
    undone: frozenset[str] | None = None
    order: tuple[tuple[str, ...], ...] | None = None
    amounts: dict[Amount, int] | None = None
    numbers: dict[str, str] | None = None
    plate: PlateClass | None = None
    told: dict[str, Any] | None = None
    unsaid: tuple[str, ...] | None = None

    @property
    def needs_story(self) -> bool:
        """Whether the steps and attempts must be looked up, beyond where the case stands."""
        return any(each is not None for each in (self.steps, self.met, self.tries, self.unsaid))


class Answer(Form):
    """What the door says to one that is handed in: its status, and the codes and suggestions in it."""

    status: int
    codes: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """One sale as it is seen at a moment: case, story, what waits, the agencies' books, what is told, who is away."""

    case: Mapping[str, Any] | None = None
    story: Mapping[str, Any] | None = None
    waiting: Sequence[Mapping[str, Any]] = ()
    effects: Sequence[Mapping[str, Any]] = ()
    told: Mapping[str, Any] | None = None
    away: Mapping[str, str] = field(default_factory=dict)
