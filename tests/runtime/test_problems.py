"""How services say no: where a request is wrong, and nothing of what stood there."""

from __future__ import annotations

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError

from services.runtime.problems import faults_in


class Words(BaseModel):
    """What one of our forms is like inside."""

    model_config = ConfigDict(extra="forbid")

    reason: str


class Form(Words):
    """What one of our forms is like."""

    inner: Words | None = None


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"reason": 1}, {("reason", "string_type")}),
        ({"reason": "x", "15487604561": 1}, {("", "extra_forbidden")}),
        ({"reason": "x", "inner": {"reason": "x", "15487604561": 1}}, {("inner", "extra_forbidden")}),
    ],
    ids=["a wrong value", "an unknown field", "an unknown field within"],
)
def test_a_fault_names_fields_of_ours_only(sent: object, told: set[tuple[str, str]]) -> None:
    """The name of an unknown field is the sender's, and may be anybody's number."""
    with pytest.raises(ValidationError) as wrong:
        Form.model_validate(sent)
    faults = faults_in(
        RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in wrong.value.errors()])
    )
    assert {(fault["field"], fault["reason"]) for fault in faults} == told
