"""The lines of `events.jsonl`: what happens, when, and what must be seen before it does."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, TypeAdapter

from .seen import Form, Seen

Label = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
_SPAN: Final = re.compile(r"\+P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def _span(value: object) -> object:
    """A span of time in ISO 8601, "+PT31M": as long after the scenario began."""
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


When = Annotated[timedelta | AwareDatetime, BeforeValidator(_span)]


class _Step(Form):
    at: When
    when: dict[Label, Seen] = Field(default_factory=dict)
    """By sale, what must be seen first: waited for, within all patience."""

    def moment(self, began: datetime) -> datetime:
        """When it happens, if the scenario began then."""
        return began + self.at if isinstance(self.at, timedelta) else self.at


class _HandedIn(_Step):
    """Something that a publisher says at the door. `name` is what the door's answers to it are called."""

    sale: Label
    data: dict[str, Any]
    publisher: str = "platform"
    times: Annotated[int, Field(ge=1, le=20)] = 1
    name: str | None = None

    @property
    def answers(self) -> str:
        return self.name or self.sale


class Publish(_HandedIn):
    """A sale."""

    do: Literal["publish"]
    type: str = "tongche.sale.confirmed.v2"


class Tell(_HandedIn):
    """A correction or cancellation of a sale that was published. Its VIN is filled in."""

    do: Literal["correct", "cancel"]
    name: str


class Return(_HandedIn):
    """The car goes back. `opens` is what the case that follows is called from then on, where one does."""

    do: Literal["return"]
    name: str
    opens: Label | None = None


class Notice(_Step):
    """An organisation tells something of its own accord. `${…}` stands for what its ledger says of the car."""

    do: Literal["notice"]
    organisation: str
    sale: Label
    name: str
    type: str
    data: dict[str, Any]


class Script(_Step):
    """What one organisation answers to one operation about one car, against its own rules."""

    do: Literal["script"]
    organisation: str
    vin: str
    answer: dict[str, Any]


class Turn(_Step):
    """Knobs of an organisation, broken or as they were: lists and tables gain or lose their entries, others are set."""

    do: Literal["fault", "heal"]
    organisation: str
    knobs: dict[str, Any]


class Act(_Step):
    """A person at the operators' desk."""

    do: Literal["act"]
    sale: Label
    act: Literal["assign", "resume", "cancel", "secure"]
    reason: str
    owner: str | None = None
    by: str = "scenario"


class Expect(_Step):
    """What must hold in between, once nothing is on its way."""

    do: Literal["expect"]


Step = Annotated[Publish | Tell | Return | Notice | Script | Turn | Act | Expect, Field(discriminator="do")]
STEP: Final[TypeAdapter[Step]] = TypeAdapter(Step)
