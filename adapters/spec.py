"""What an adapter is: a description of how one kind of agency takes our commands and answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal

from contracts.contract import Contract
from contracts.topics import Command

Json = Any
"""Whatever `json.loads` may give."""
RequestMapping = Callable[[Any], dict[str, Json]]
"""A command in our words → the agency's own JSON body. Pure."""


class Features(StrEnum):
    """What an agency promises about a command that it may have received already."""

    IDEMPOTENT = "idempotent"
    """It gives the same answer to the same Idempotency-Key, and acts once: resend."""
    QUERYABLE = "queryable"
    """It can be asked, by a business key, whether it acted: look up, then decide."""
    BLIND = "blind"
    """Nobody can tell: a person decides, never a resend."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One door of an agency. `path` starts with a slash and stands below the organisation's own address.

    No PUT: HTTP clients send it again of their own accord when a connection breaks, and we would not know.
    """

    method: Literal["POST", "GET"]
    path: str
    timeout: timedelta = timedelta(seconds=5)

    def url(self, base: str, organisation: str) -> str:
        """Where to call: `{base}/{organisation}{path}`."""
        return f"{base.rstrip('/')}/{organisation}{self.path}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over HTTP. `body` is the parsed JSON, or `UNREADABLE`; header names are lower-case."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


ResponseMapping = Callable[[Any, Reply], Contract]
"""The command that was sent and a 2xx reply → the event. Raises only `adapters.errors` or pydantic's
`ValidationError`; `adapters.replies.answer` calls it and turns the latter into `BrokenAnswer`."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """How to ask a QUERYABLE agency, by a business key, whether a command was carried out.

    Its reply is read by `adapters.replies.looked_up`: the event if it was, None if it was not.
    """

    endpoint: Endpoint
    request: RequestMapping
    response: ResponseMapping
    settles: timedelta = timedelta(seconds=30)
    """For how long after a call whose answer we never had it may still be carried out. A look-up that knows nothing
    is believed only after that: or a slow call and its repetition would both happen."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One command at one agency, both ways.

    `echoes` names the fields of the answer that must repeat the command's: an answer about another car or
    another policy is broken, however well formed.
    """

    command: Command
    endpoint: Endpoint
    request: RequestMapping
    response: ResponseMapping
    echoes: tuple[str, ...] = ("vin",)
    lookup: Lookup | None = None
    question: bool = False
    """It changes nothing at the agency: asked again it does no harm, whatever the agency's `Features`."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long one call is tried again in place, while only its own lane waits; after that it is parked."""

    in_place_for: timedelta = timedelta(seconds=10)
    first: timedelta = timedelta(milliseconds=200)
    factor: float = 2.0
    longest: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one organisation may cost us and we it: calls at once and a second, and the window read ahead of it."""

    concurrency: int = 64
    per_second: float | None = None
    """Calls that may begin in a second; None where the organisation names no limit."""
    records: int = 1_000
    """Commands read ahead, some 11 KB of memory each while the organisation is away."""
    bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Errors:
    """How an agency says no: the field of its error body that holds its own code, and what each means in ours."""

    field: str
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Adapter:
    """One kind of agency. Organisations of that kind (`adapters.organisations`) differ only by address."""

    name: str
    operations: Mapping[str, Operation]
    features: Features
    errors: Errors
    retry: RetryPolicy = RetryPolicy()
    limits: Limits = Limits()


def operations(*rows: Operation) -> dict[str, Operation]:
    """Operations by the name of their command. Raises ValueError if one command has two."""
    table = {row.command.versions.name: row for row in rows}
    if len(table) != len(rows):
        message = "a command has two operations"
        raise ValueError(message)
    return table
