"""The organisations we talk to, as data: which adapter speaks to each, and its USCC where there are several."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib.resources import files
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.types import Identifier, Text, Uscc

from .registry import ADAPTERS
from .spec import Limits


class Organisation(BaseModel):
    """One organisation. Commands to it go to the topic `<id>.commands`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Identifier
    adapter: str
    uscc: Uscc | None = None
    zh: Text
    en: Text
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#]+$")] | None = None
    """Where it answers, below which come its id and an operation's path; without one, the simulator plays it."""
    concurrency: Annotated[int, Field(ge=1)] | None = None
    per_second: Annotated[float, Field(gt=0)] | None = None
    """Its own limits on calls, at once and a second, where they differ from its adapter's."""

    @property
    def limits(self) -> Limits:
        """Its adapter's limits, with its own where it has any."""
        usual: Limits = ADAPTERS[self.adapter].limits
        return replace(
            usual, concurrency=self.concurrency or usual.concurrency, per_second=self.per_second or usual.per_second
        )

    @model_validator(mode="after")
    def _is_called_after_its_adapter(self) -> Organisation:
        expected = self.adapter if self.uscc is None else f"{self.adapter}-{self.uscc}"
        if self.adapter not in ADAPTERS or self.id != expected:
            message = f"organisation {self.id} does not fit its adapter"
            raise ValueError(message)
        return self


def _load() -> dict[str, Organisation]:
    table = tomllib.loads((files(__package__) / "organisations.toml").read_text(encoding="utf-8"))
    rows = [Organisation.model_validate(row) for row in table["organisation"]]
    found = {row.id: row for row in rows}
    if len(found) != len(rows):
        message = "an organisation stands twice in organisations.toml"
        raise ValueError(message)
    return found


ORGANISATIONS: Final = _load()
