"""Why a value or a file will not do: what is said of it, and what is not."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from contracts.numbers.errors import Sentence
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


@pytest.mark.parametrize("kind", ["王样本", "LZZTEST05TA000001", "wang yangben"])
def test_a_kind_that_can_be_none_of_ours_is_not_said_again(kind: str) -> None:
    """It is a value like any other; what there is, is said."""
    assert _told_of(kind) == ("须为 'some', 'other'", "must be 'some', 'other'")


def test_a_kind_that_may_be_misspelt_is_named() -> None:
    """By that it is found."""
    assert _told_of("smoe").en == "there is no smoe: must be 'some', 'other'"


def _told_of(kind: str) -> Sentence:
    with pytest.raises(ValidationError) as wrong:
        _EITHER.validate_python({"kind": kind})
    return reasons.of_value(wrong.value.errors()[0])
