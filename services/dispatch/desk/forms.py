"""What people send to dispatch: an act and why, and by whom."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.runtime import forms
from services.runtime.forms import OPERATOR, Form, Name, Said

from .editing import Change
from .lineage import Because
from .search import Filter

Rate = Annotated[float, Field(ge=0.1, le=1000, allow_inf_nan=False)]
"""Deliveries a second."""


class Reasoned(forms.Reasoned):
    """An act of the desk, and why."""

    def because(self) -> Because:
        """The same as it is kept."""
        return Because(self.reason, self.by)


class Editing(Reasoned):
    """What a command should say instead: `set` single fields (null takes one out), or `data`, all of it."""

    set: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    revision: int | None = None
    not_carried_out: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.set is None) == (self.data is None):
            kind = "set_or_data"
            raise PydanticCustomError(kind, "either set or data")
        return self

    def because(self) -> Because:
        """As kept, with what the person vouches for."""
        return Because(self.reason, self.by, not_carried_out=self.not_carried_out)

    def change(self) -> Change:
        """The change itself."""
        return Change(self.set, self.data, self.revision)


class Answering(Reasoned):
    """The agency's answer, in our words."""

    data: dict[str, Any]


class Planning(Reasoned):
    """A repair of many: what to do to which. `not_carried_out`: the person vouches for all of them."""

    act: Literal["retry", "cancel"]
    filter: Filter = Filter()
    not_carried_out: bool = False

    @model_validator(mode="after")
    def _not_held(self) -> Self:
        if self.filter.state == "held":
            kind = "held"
            raise PydanticCustomError(kind, "what is held goes by itself when its organisation is back")
        return self

    def because(self) -> Because:
        """As kept, with what the person vouches for."""
        return Because(self.reason, self.by, not_carried_out=self.not_carried_out)


class Turning(Form):
    """Somebody runs, pauses or cancels a repair, which has its reason already."""

    reason: Said | None = None
    by: Name = OPERATOR


class Starting(Turning):
    """Run it, on no more than so many deliveries a second at each organisation."""

    per_second: Rate | None = None
