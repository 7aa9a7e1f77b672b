"""What becomes of a command on its way to an organisation, with every attempt."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from . import types as t
from .contract import Contract, Part
from .versions import Versions

DeliveryState = Literal["settled", "refused", "parked", "dead", "cancelled"]
FailureClass = Literal["unavailable", "ambiguous", "not-yet", "broken-answer", "deadline", "person", "unreadable"]


class Attempt(Part):
    """One try at the organisation. `status` is the HTTP status where one came.

    `revision` is there once a person has edited the command: which edition was tried.
    """

    number: Annotated[int, Field(ge=1)]
    started_at: t.Instant
    duration_ms: Annotated[int, Field(ge=0)]
    result: Literal["answered", "refused", "unavailable", "ambiguous", "not-yet", "broken-answer"]
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    code: Annotated[str, StringConstraints(max_length=10)] | None = None
    span_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")] | None = None
    revision: Annotated[int, Field(ge=2)] | None = None


class DeliveryChangedV1(Contract):
    """One delivery as it stands at `revision`; a consumer keeps the highest.

    `dead` means nobody will try again until a person acts; `failure` and `owner` then say why and who. `asked_at` is
    when its command was given; before that was told, nobody but dispatch knew. There may be no `vin`
    where the command could not be read.
    """

    delivery_id: t.Reference
    vin: t.Vin | None = None
    organisation: t.Identifier
    command: Annotated[str, StringConstraints(max_length=60)]
    revision: Annotated[int, Field(ge=1)]
    state: DeliveryState
    asked_at: t.Instant | None = None
    attempts: tuple[Attempt, ...] = ()
    next_try_at: t.Instant | None = None
    deadline: t.Instant | None = None
    failure: FailureClass | None = None
    owner: Annotated[str, StringConstraints(max_length=60)] | None = None
    reason: t.Reason | None = None


DELIVERY_CHANGED: Final = Versions(
    "delivery.changed", "event", "tongche", "the fate of a command", (DeliveryChangedV1,)
)
