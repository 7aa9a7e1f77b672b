"""The ways in which an agency does not answer. The mapping speaks these; services/dispatch decides."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Literal

Result = Literal["refused", "unavailable", "ambiguous", "not-yet", "broken-answer"]
"""The names that `contracts.delivery.Attempt.result` knows, apart from "answered"."""


class AgencyError(Exception):
    """A command that got no good answer. Its text names a kind of failure, never data of a person."""

    result: ClassVar[Result]


class Refused(AgencyError):
    """The agency said no, for good; `code` is ours (`contracts.codes`). The journey decides what follows."""

    result: ClassVar[Result] = "refused"

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


class NotYet(AgencyError):
    """What the command refers to has not reached the agency yet (D404). Ask again later; nothing happened."""

    result: ClassVar[Result] = "not-yet"

    def __init__(self, code: str | None, status: int, retry_after: timedelta | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.retry_after = retry_after


class TakenIn(NotYet):
    """The agency has the command and will answer later: it is never sent again, its answer is fetched."""

    def __init__(self, retry_after: timedelta, status: int = 202) -> None:
        super().__init__(None, status, retry_after)
        self.args = ("taken in, not answered yet",)


class Unavailable(AgencyError):
    """The organisation is down or wants fewer calls; nothing happened. Without `status` nobody even picked up."""

    result: ClassVar[Result] = "unavailable"

    def __init__(
        self, retry_after: timedelta | None = None, status: int | None = None, code: str | None = None
    ) -> None:
        told = f"status {status}" if status else "no connection"
        super().__init__(f"{code}, {told}" if code else told)
        self.retry_after = retry_after
        self.status = status
        self.code = code


class Ambiguous(AgencyError):
    """It may have happened. Without `status` the answer never came. The adapter's `Features` decide."""

    result: ClassVar[Result] = "ambiguous"

    def __init__(self, status: int | None = None) -> None:
        super().__init__(f"status {status}" if status else "no answer")
        self.status = status


class BrokenAnswer(AgencyError):
    """An answer that is none: not JSON, of another shape, about another car. It may have happened.

    `reason` is stable and names fields, never their values.
    """

    result: ClassVar[Result] = "broken-answer"

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
