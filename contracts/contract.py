"""What every version of every message has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError


@dataclass(frozen=True, slots=True)
class Check:
    """A rule between fields: what it reads (dotted names), which field to blame, and when it holds.

    A field that may be absent is given as `None`. Rules are rows so that the door can name every fault of
    a message at once, also those between fields when other fields are broken.
    """

    name: str
    reads: tuple[str, ...]
    blames: str
    holds: Callable[..., bool]


class Contract(BaseModel):
    """One version of one message: immutable, closed to unknown fields, strict about types.

    Field names come from the dictionary (`contracts.fields`); money is integer fen; times are aware.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())

    CHECKS: ClassVar[tuple[Check, ...]] = ()

    @model_validator(mode="after")
    def _keeps_its_rules(self) -> Self:
        if type(self).CHECKS and (broken := list(broken_checks(self))):
            raise ValidationError.from_exception_data(type(self).__name__, [_line(check) for check in broken])
        return self


class Part(Contract):
    """A group of fields inside a message that is there as a whole or not at all."""


def broken_checks(message: Contract) -> Iterator[Check]:
    """The rules of its class that a message breaks."""
    for check in type(message).CHECKS:
        if not check.holds(*(_value(message, name) for name in check.reads)):
            yield check


def _value(message: object, dotted: str) -> Any:
    for name in dotted.split("."):
        message = getattr(message, name, None)
    return message


def _line(check: Check) -> InitErrorDetails:
    return InitErrorDetails(
        type=PydanticCustomError("rule", "{reason}", {"reason": check.name}),
        loc=tuple(check.blames.split(".")),
        input=None,
    )
