"""One command on its way to one organisation, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar, Final

from pydantic import ValidationError
from pydantic_core import to_json

from adapters.errors import AgencyError, Ambiguous, BrokenAnswer, NotYet, Result, TakenIn, Unavailable
from adapters.spec import Operation
from contracts.contract import Contract
from contracts.delivery import Attempt, FailureClass
from contracts.envelope import Message, Undecodable
from contracts.registry import contract_of
from contracts.topics import COMMANDS
from services.runtime.parking import Parked
from services.runtime.record import Outgoing, Record, read

from .calls import Agency
from .carriers.pinned import Switched
from .mailbox import key_of

_DOUBTFUL: Final = frozenset({"ambiguous", "broken-answer"})
_TOLD: Final = frozenset({"answered", "refused", "not-yet"})
_TOLD_UNASKED: Final = _TOLD | {"unavailable", "broken-answer"}


def is_doubtful(error: AgencyError) -> bool:
    """Whether the call that failed so may have had its effect."""
    return error.result in _DOUBTFUL


class Unsettled(NotYet):
    """The agency knows nothing of an earlier call yet, but that may still be carried out: look again later."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("D404", HTTPStatus.NOT_FOUND, wait)
        self.args = ("the look-up knows nothing of it yet",)


class Overtaken(Exception):
    """Somebody has decided about a parked delivery since we looked: it is to be looked at anew."""


class NeedsPerson(AgencyError):
    """It may have happened, and nobody can tell: never resend, a person decides."""

    result: ClassVar[Result] = "ambiguous"


FAILURES: Final[dict[type[AgencyError], FailureClass]] = {
    Unavailable: "unavailable",
    Switched: "unavailable",
    NotYet: "not-yet",
    Unsettled: "ambiguous",
    TakenIn: "not-yet",
    Ambiguous: "ambiguous",
    BrokenAnswer: "broken-answer",
    NeedsPerson: "person",
}
"""The class of a failure that tries did not overcome."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The outcome of a delivery: what is to be said about it."""

    outputs: tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Not delivered for now: why, and when to try again at the earliest. `final`: not before a person decides."""

    failure: FailureClass
    reason: str
    not_before: float
    final: bool = False


@dataclass(slots=True)
class Delivery:
    """A command under way, and the attempts it has had. Moments are seconds since 1970."""

    record: Record
    command: Message[Contract]
    operation: Operation
    attempts: list[Attempt]
    since: float
    deadline: float
    revision: int = 1
    decided: int = 0
    held_s: float = 0.0
    """How long it waited for its turn in this run of tries."""
    begun: bool = False
    row: Parked | None = None
    """Where it is parked, as it stood when we last looked."""
    taken_up: bool = False
    """Whether that row says that we try it: nobody else decides about it meanwhile."""
    cut_off_at: float | None = None
    """When a process before us began a call of which it never told how it ended."""

    heard_at: float | None = None
    """Since when the answer was at our door that was heard last."""

    @property
    def name(self) -> str:
        """The command's contract."""
        return name_of(self.command)

    @property
    def case(self) -> str:
        """The case it belongs to."""
        return self.command.envelope.subject

    @property
    def key(self) -> str:
        """The idempotency key that the organisation sees: the same for every try of one revision."""
        return key_of(self.record.id, self.revision)

    @property
    def history(self) -> tuple[dict[str, Any], ...]:
        """Its attempts as they are stored."""
        return tuple(one.model_dump(mode="json") for one in self.attempts)

    @property
    def doubted(self) -> Attempt | None:
        """The last attempt of this revision that may have had its effect though no answer came.

        Those before it are settled: else it would not have been made.
        """
        ours = (one for one in reversed(self.attempts) if (one.revision or 1) == self.revision)
        return next((one for one in ours if one.result in _DOUBTFUL), None)

    @property
    def doubtful(self) -> bool:
        """Whether a call for this revision may have had its effect though nobody knows how it ended."""
        return self.cut_off_at is not None or self.doubted is not None or self.taken_in

    @property
    def taken_in(self) -> bool:
        """Whether the agency has said that it has this revision, and nothing since that it has not.

        What fails after that is the asking for its answer, which says nothing about the command; but where nobody is
        asked, and the answer only called back, it was the answer.
        """
        later = self.operation.later
        telling = _TOLD_UNASKED if later is not None and later.endpoint is None else _TOLD
        ours = (one for one in reversed(self.attempts) if (one.revision or 1) == self.revision)
        told = next((one for one in ours if one.result in telling), None)
        return told is not None and told.result == "not-yet" and told.status == HTTPStatus.ACCEPTED

    @property
    def cut_off_until(self) -> float | None:
        """Until when the call that was cut off was under way: nobody knows, but no longer than our patience."""
        patience_s = self.operation.endpoint.timeout.total_seconds()
        return None if self.cut_off_at is None else self.cut_off_at + patience_s


def name_of(command: Message[Contract]) -> str:
    """The contract's name of a command."""
    return contract_of(command.data)[0].name


def deadline_of(command: Message[Contract], since: float) -> float:
    """Until when a command that became due at `since` is worth trying; it stands in the topics' table."""
    return since + COMMANDS[name_of(command)].deadline.total_seconds()


def of(record: Record, agency: Agency) -> Delivery:
    """The command in a record, not yet tried. Raises `Undecodable` where it is none that this organisation takes."""
    command = read(record)
    operation = agency.operation(name_of(command))
    if operation is None:
        reason = "not-a-command-of-this-agency"
        raise Undecodable(reason)
    since = command.envelope.time.timestamp()
    return Delivery(record, command, operation, [], since, deadline_of(command, since))


def again(row: Parked, agency: Agency) -> Delivery:
    """A parked command as it stands, with the attempts it has had. Raises `Undecodable` if we cannot read it."""
    delivery = of(row.record, agency)
    delivery.since, delivery.revision, delivery.decided = row.since, row.revision, row.decided
    delivery.deadline = row.deadline or deadline_of(delivery.command, row.since)
    try:
        delivery.attempts.extend(Attempt.model_validate_json(to_json(one)) for one in row.history)
    except ValidationError:
        reason = "attempts"
        raise Undecodable(reason) from None
    delivery.row = row
    return delivery
