"""The organisations we talk to: a row each, beside the adapter that speaks to it, with its USCC where it has one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from contracts.types import Identifier, Text, Uscc

from . import folders
from .registry import ADAPTERS
from .spec import Limits
from .unfit import UNFIT, Unfit, unfit

__all__ = ["ORGANISATIONS", "UNFIT", "Organisation"]


class Organisation(BaseModel):
    """One organisation. Commands to it go to the topic `<id>.commands`; the id begins with its kind of agency."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Identifier
    adapter: str
    """In whose words we speak to it: the folder in which its row stands."""
    uscc: Uscc | None = None
    zh: Text
    en: Text
    url: Annotated[str, StringConstraints(pattern=r"^(https?|sftp)://[^\s?#]+$")] | None = None
    """Where it answers once it is live, below which come its id and an operation's path; until then, and without one,
    the simulator plays it."""
    concurrency: Annotated[int, Field(ge=1)] | None = None
    per_second: Annotated[float, Field(gt=0)] | None = None
    """Its own limits on calls, at once and a second, where they differ from its adapter's."""

    @property
    def agency(self) -> str:
        """What kind of agency it is: one of `contracts.topics.AGENCIES`."""
        agency: str = ADAPTERS[self.adapter].agency
        return agency

    @property
    def limits(self) -> Limits:
        """Its adapter's limits, with its own where it has any."""
        usual: Limits = ADAPTERS[self.adapter].limits
        return replace(
            usual, concurrency=self.concurrency or usual.concurrency, per_second=self.per_second or usual.per_second
        )

    @model_validator(mode="after")
    def _is_called_after_its_agency(self) -> Organisation:
        expected = self.agency if self.uscc is None else f"{self.agency}-{self.uscc}"
        if self.id != expected:
            message = f"organisation {self.id} must be called {expected}: sales find it by that"
            raise ValueError(message)
        return self


def _rows(adapter: str) -> list[Organisation]:
    file = folders.of(adapter) / folders.ORGANISATIONS
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    return [Organisation.model_validate({**row, "adapter": adapter}) for row in table["organisation"]]


def _readable() -> Iterator[Organisation]:
    """The rows of every file that can be read; of the others it is written down why."""
    for adapter in ADAPTERS:
        try:
            yield from _rows(adapter)
        except (ValidationError, ValueError, LookupError, TypeError) as wrong:
            UNFIT[adapter] = unfit(adapter, folders.ORGANISATIONS, wrong)


def _load() -> dict[str, Organisation]:
    """Each by its id: one row in one folder speaks for it, that of the adapter that comes first."""
    found: dict[str, Organisation] = {}
    for row in _readable():
        first = found.setdefault(row.id, row)
        if first is not row:
            place = f"{row.adapter}/{folders.ORGANISATIONS}"
            UNFIT[row.adapter] = Unfit(place, f"{row.id} has a row in adapters/{first.adapter} already")
    return found


ORGANISATIONS: Final = _load()
