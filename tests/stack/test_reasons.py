"""Why a value or a file will not do: what is said of it, and what is not."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from services.stack import reasons


class _Some(BaseModel):
    kind: Literal["some"]


class _Other(BaseModel):
    kind: Literal["other"]


_EITHER: TypeAdapter[_Some | _Other] = TypeAdapter(Annotated[_Some | _Other, Field(discriminator="kind")])


@pytest.mark.parametrize(
    "wrong",
    [
        ssl.SSLError(errno.EPERM, "[SSL] wrong version number"),
        ssl.SSLCertVerificationError(errno.EPERM, "certificate verify failed"),
        socket.gaierror(errno.ENOENT, "Name or service not known"),
    ],
    ids=lambda wrong: type(wrong).__name__,
)
def test_who_counts_errors_otherwise_speaks_for_itself(wrong: OSError) -> None:
    """Their numbers are not the machine's: 1 is not that we have no right."""
    assert reasons.of_machine(wrong) == (wrong.strerror, wrong.strerror)


def test_the_machine_speaks_as_we_do() -> None:
    """In both languages, where we know what it means."""
    assert reasons.of_machine(PermissionError(errno.EPERM, "x")).en == "you have no right to it"
    assert reasons.of_machine(TimeoutError()).en == "no answer in time"


def test_a_kind_that_there_is_not_is_not_said_again() -> None:
    """It is a value like any other; what there is, is said."""
    with pytest.raises(ValidationError) as wrong:
        _EITHER.validate_python({"kind": "王样本"})
    told = reasons.of_value(wrong.value.errors()[0])
    assert "王样本" not in told.zh + told.en
    assert told == ("须为 'some', 'other'", "must be 'some', 'other'")
