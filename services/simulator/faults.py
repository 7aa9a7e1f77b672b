"""What can be made to go wrong at one organisation, while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

Rate = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0, le=600_000)]


@dataclass(frozen=True, slots=True)
class Playable:
    """What scripts can name at one organisation: its operations, and the answers that are recorded in its words."""

    operation: frozenset[str]
    fixture: frozenset[str]

    def check(self, faults: Faults, before: Faults) -> None:
        """Raise pydantic's `ValidationError` where a script could never be played that was not there before.

        What was stored once keeps no other knob from being turned, whatever has gone since, nor itself from going.
        """
        told = faults.model_dump(mode="json")
        # What is a `Script` already is not validated again.
        told["scripts"] = [old if old in before.scripts else old.model_dump(mode="json") for old in faults.scripts]
        Faults.model_validate(told, context=self)


class Script(BaseModel):
    """What one operation answers for one vehicle ("*" is any): a code, a fixture, a wrong amount, an echo, or nothing.

    `times` counts down with each use; without it the script stays. `fixture` is the name of a file of the
    agency's fixtures without ending: its recorded response is answered, and nothing happens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    vin: str = "*"
    operation: str
    code: str | None = None
    fixture: str | None = None
    alter_fen: int = 0
    alter_vin: str | None = None
    """The VIN that the office prints on the invoice instead of the car's own."""
    silent: bool = False
    """It is done as ever, and no answer comes for as long as this stands: asked again with the same key neither."""
    echo: Literal["refusal", "error", "answer"] | None = None
    """It repeats the request, with all that it tells of a person: as the code and words of a refusal, on an error page,
    or in an answer of no known shape. Nothing happens."""
    times: Annotated[int, Field(ge=1)] | None = None

    @field_validator("operation", "fixture")
    @classmethod
    def _is_there(cls, name: str | None, info: ValidationInfo) -> str | None:
        """Asked only where it is known what there is: what was stored once is read again whatever has gone since."""
        if name is not None and isinstance(info.context, Playable):
            there = getattr(info.context, str(info.field_name))
            if name not in there:
                raise PydanticKnownError("literal_error", {"expected": _either(there)})
        return name

    def concerns(self, operation: str, vin: str) -> bool:
        """Whether it speaks about this request."""
        return self.operation == operation and self.vin in {"*", vin}


def _either(names: frozenset[str]) -> str:
    return " or ".join(map(repr, sorted(names)))


class Monsoon(BaseModel):
    """A personality of moods instead of knobs that stay: which one, and since when it is let loose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: Annotated[int, Field(ge=0, lt=2**53)]
    """The same seed, the same moods in the same order; each organisation has others."""
    since: AwareDatetime | None = None
    """The moment from which its moods are counted; the one in which this knob was turned, if nothing is said."""


class Faults(BaseModel):
    """The knobs of one organisation; without any it behaves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delay_ms: Milliseconds = 0
    tail_ms: Milliseconds = 0
    """Added for a share of `tail_rate` of the requests."""
    tail_rate: Rate = 0
    down: Literal["refuse", "503"] | None = None
    """"refuse" cuts every connection without a word."""
    retry_after_s: Annotated[int, Field(ge=0, le=3600)] | None = None
    """Sent with a 503."""
    throttle_per_s: Annotated[int, Field(ge=0)] | None = None
    """More requests than this in a second get 429 with Retry-After."""
    error_rate: Rate = 0
    """This share gets a 500, and nothing happens."""
    hang: Rate = 0
    """This share never gets an answer, and nothing happens."""
    success_then_timeout: Rate = 0
    """This share of new effects happens, but its answer never comes; asked again with the same key it does."""
    forgetful: bool = False
    """It knows no idempotency keys: asked again with the same, it acts again, as far as its own rules let it."""
    garbage: Rate = 0
    wrong_schema: Rate = 0
    duplicate: Rate = 0
    """This share is answered with the previous answer of this organisation once more."""
    late: Rate = 0
    """This share happens at once and is answered `late_ms` later, after answers to what was asked since."""
    late_ms: Milliseconds = 0
    huge: Rate = 0
    """This share happens, and its answer goes on for ten gigabytes, or until the caller hangs up."""
    scripts: tuple[Script, ...] = ()
    absent: frozenset[str] = frozenset()
    """MIIT: VINs whose certificates have not arrived, whatever the makers uploaded."""
    altered: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """MIIT: what the maker's first upload says instead, by VIN: {"engineNo": "…", "brandModel": "…"}."""
    pushes: bool = False
    """MIIT: it tells us of each certificate as its maker uploads it, and is asked all the same."""
    seized: frozenset[str] = frozenset()
    """Police: seized cars."""
    arrival_s: Annotated[float, Field(ge=0, le=86_400)] = 1.0
    """Police and customs: how long a parcel or a car is under way."""
    monsoon: Monsoon | None = None
    """Moods that come and go, each with knobs of its own that hold before these: see `services.simulator.monsoon`."""

    def script_for(self, operation: str, vin: str) -> Script | None:
        """The first script that concerns a request."""
        return next((script for script in self.scripts if script.concerns(operation, vin)), None)

    def merged(self, change: dict[str, Any]) -> Faults:
        """These knobs with some turned. Raises pydantic's `ValidationError`."""
        return Faults.model_validate(self.model_dump(mode="json") | change)

    def since(self, now: datetime) -> Faults:
        """These knobs as they are turned now: a personality that is let loose begins."""
        if self.monsoon is None or self.monsoon.since is not None:
            return self
        return self.model_copy(update={"monsoon": self.monsoon.model_copy(update={"since": now})})

    def after(self, script: Script) -> Faults:
        """These knobs once a script was used."""
        if script.times is None:
            return self
        left = [script.model_copy(update={"times": script.times - 1})] if script.times > 1 else []
        kept = [fewer for other in self.scripts for fewer in (left if other is script else [other])]
        return self.model_copy(update={"scripts": tuple(kept)})
