"""What people send to our interfaces: closed forms, and words in which nobody's number is kept."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

from contracts.types import Reason
from observability import redaction

OPERATOR: Final = "operator"
"""Who acted, where nobody says."""


def _said(words: str) -> str:
    # What looks like somebody's number in it is masked: it is kept, and shown to whoever sees what was done.
    said = redaction.text(words.strip())
    if not said:
        kind = "blank"
        raise PydanticCustomError(kind, "nothing is said")
    return said


Said = Annotated[Reason, AfterValidator(_said)]
"""Why a person does something, in their words."""
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(redaction.text)
]
"""Of a person, or of a post."""


class Form(BaseModel):
    """Closed to what we do not know, and silent about what was wrong in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Reasoned(Form):
    """Why a person does something; `by` is who."""

    reason: Said
    by: Name = OPERATOR
