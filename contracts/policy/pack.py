"""A policy pack: one rule, from when to when, for whom, by which document."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ..fields import FIELDS
from .params import AnyParams, Params, Rule

LifecycleKind = Literal["new-car", "returned-car", "used-car", "export-new", "export-used", "scrap"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Region = Annotated[str, StringConstraints(pattern=r"^(CN|[1-9][0-9]{5})$")]
NATIONWIDE: Final = "CN"

P = TypeVar("P", bound=Params)


class Status(StrEnum):
    """How far a policy has come."""

    SIGNAL = "SIGNAL"
    DRAFT = "DRAFT"
    ADOPTED = "ADOPTED"
    IN_FORCE = "IN_FORCE"
    SUPERSEDED = "SUPERSEDED"
    RETRACTED = "RETRACTED"

    @property
    def binds(self) -> bool:
        """Whether a pack may price or block on the dates of its own interval."""
        return self in {Status.IN_FORCE, Status.SUPERSEDED}


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Title(_Closed):
    """What people call the pack."""

    zh: Text
    en: Text


class Source(_Closed):
    """The document behind the pack; `sha256` is of its text, once that is held."""

    title: Text
    number: Text | None = None
    url: Text | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class Scope(_Closed):
    """Where and for which journeys a pack holds.

    Regions are CN for the whole country or division codes, each with all that lies within. No region at all means
    that the list is not known to us: such a pack covers nobody.
    """

    regions: tuple[Region, ...]
    kinds: Annotated[tuple[LifecycleKind, ...], Field(min_length=1)]

    def covers(self, region: str | None, kind: LifecycleKind | None) -> bool:
        """Whether it holds there; without a region, or for all of CN, only if nationwide; without a kind for any."""
        return (kind is None or kind in self.kinds) and any(_within(region, area) for area in self.regions)

    def meets(self, other: Scope) -> bool:
        """Whether some vehicle could be in both."""
        areas = any(_nested(mine, theirs) for mine in self.regions for theirs in other.regions)
        return areas and not set(self.kinds).isdisjoint(other.kinds)


class Pack(_Closed):
    """A file of `packs/`. `reference_date_field` names the field whose date chooses the pack."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*(/[0-9]{4})?$", max_length=60)]
    title: Title
    status: Status
    effective_from: date | None = None
    effective_to: date | None = None
    reference_date_field: str
    scope: Scope
    params: AnyParams
    source: Source
    supersedes: str | None = None
    approved_by: Text | None = None

    @model_validator(mode="after")
    def _binding_packs_are_complete(self) -> Self:
        if self.status.binds and (self.effective_from is None or self.approved_by is None):
            message = "a pack that binds needs a first day and somebody who approved it"
            raise ValueError(message)
        if self.status is Status.SUPERSEDED and self.effective_to is None:
            message = "a superseded pack needs a last day"
            raise ValueError(message)
        if self.effective_from and self.effective_to and self.effective_to < self.effective_from:
            message = "the last day is before the first"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _the_date_is_one_that_messages_have(self) -> Self:
        if self.reference_date_field not in FIELDS:
            message = "the reference date is no field of the dictionary"
            raise ValueError(message)
        return self

    @property
    def rule(self) -> Rule:
        """Which question the pack answers."""
        return self.params.rule

    @property
    def file_name(self) -> str:
        """The name of its file; an id may hold a slash, a file name may not."""
        return f"{self.id.replace('/', '-')}.toml"

    @property
    def entries(self) -> dict[str, Any]:
        """All that its file says, as JSON has it, with the rule beside it."""
        return {"id": self.id, "rule": self.rule} | self.model_dump(mode="json")

    def on(self, day: date) -> bool:
        """Whether the day is in its interval, both ends included."""
        return (self.effective_from or date.min) <= day <= (self.effective_to or date.max)

    def params_as(self, family: type[P]) -> P:
        """Its parameters as those of the rule that the caller asked for."""
        if not isinstance(self.params, family):
            message = f"{self.id} is a pack of {self.rule}"
            raise TypeError(message)
        return self.params

    def overlaps(self, other: Pack) -> bool:
        """Whether both would answer the same question for some vehicle on some day."""
        later = max(self.effective_from or date.min, other.effective_from or date.min)
        return self.rule == other.rule and self.scope.meets(other.scope) and self.on(later) and other.on(later)


def _prefix(region: str) -> str:
    # 210100 is Shenyang with all its districts: pairs of zeros at the end stand for "all within".
    if region == NATIONWIDE:
        return ""
    while region.endswith("00"):
        region = region[:-2]
    return region


def _within(region: str | None, area: str) -> bool:
    return area == NATIONWIDE if region is None else region.startswith(_prefix(area))


def _nested(one: str, other: str) -> bool:
    return _prefix(one).startswith(_prefix(other)) or _prefix(other).startswith(_prefix(one))
