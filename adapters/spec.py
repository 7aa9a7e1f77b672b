"""What an adapter is: a description of how one kind of agency takes our commands and answers them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import Any, ClassVar, Final, Literal, NamedTuple, Protocol

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
    action: str = ""
    """What is wanted there, where several things share a path: the binding knows where it stands in the message."""
    answer: str = ""
    """What its answer says that it is, where messages say such a thing of themselves: any other is none."""

    def url(self, base: str, organisation: str) -> str:
        """Where to call: `{base}/{organisation}{path}`."""
        return f"{base.rstrip('/')}/{organisation}{self.path}"


class Unreadable(Enum):
    """Stands for a body that is not what its binding reads."""

    BODY = "unreadable"


UNREADABLE: Final = Unreadable.BODY


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `body` is what JSON would make of it, or `UNREADABLE`; header names are lower-case.

    `status` is that of HTTP; a binding whose protocol has none says the same in HTTP's numbers, 202 for an answer
    that only confirms that the message was taken in.
    """

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    about: str | None = None
    """The key of the command that it answers, where the message says so itself."""
    definition: str | None = None
    """Which kind of message it is, where it says so itself."""
    sender: str | None = None
    """By which code the organisation is known that sent it, where the message says so itself: it ends its id."""


def code_of(organisation: str) -> str:
    """The code by which an organisation knows itself: it ends the id by which we do."""
    return organisation.rpartition("-")[2]


class Sent(NamedTuple):
    """What a message says of its own sending. `key` is the idempotency key; questions have none.

    `granted` is what the organisation has granted us to be known by, where messages say such a thing; None where
    nothing is on record, and then it is the binding's own, which only a simulator knows.
    """

    organisation: str
    at: datetime
    key: str | None
    granted: str | None = None


class Letter(NamedTuple):
    """A message as bytes, and the headers of HTTP that describe them."""

    raw: bytes
    headers: Mapping[str, str]


class Style(NamedTuple):
    """A way of speaking that several agencies may share, as people are told of it."""

    name: str
    zh: str
    en: str
    travels: Literal["http", "sftp"] = "http"
    """Over HTTP; or by SFTP, put down as files, at a host that has a key of its own."""


class Binding(Protocol):
    """How a style of agency writes messages down, and how its answers are read. Pure: bytes in, bytes out."""

    style: ClassVar[Style]

    def written(self, endpoint: Endpoint, body: Json, sent: Sent) -> Letter:
        """A body under the agency's names, as it goes on the wire, not sealed yet."""
        ...

    def read(self, status: int, headers: Mapping[str, str], raw: bytes) -> Reply:
        """An answer, a message that was called back, or a receipt. Never raises, whatever the bytes are."""
        ...


Seal = Literal["none", "jws", "xmldsig"]
"""How messages are sealed: not at all; by a detached JWS over the body in a header (RFC 7515, appendix F); by an
enveloped XML signature."""


ResponseMapping = Callable[[Any, Reply], Contract]
"""The command that was sent and a 2xx reply → the event. Raises only `adapters.errors` or pydantic's
`ValidationError`; `adapters.replies.answer` calls it and turns the latter into `BrokenAnswer`.

Of what is called back it is also asked with None for the command, which is not at the door: whether anybody can read
the answer at all (`adapters.replies.decides`). A mapping that looks at the command leaves that to whoever has it."""


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


FetchMapping = Callable[[Any, str], dict[str, Json]]
"""A command in our words, and the key under which it was sent → how the agency is asked for its answer. Pure."""


@dataclass(frozen=True, slots=True)
class Later:
    """How the answer comes to a command that an agency has only taken in (`adapters.errors.TakenIn`).

    Such a command is never sent again: its answer is fetched until the command's deadline, `every` so often at first
    and more and more rarely. Fetching does no harm however often it is done, whatever the agency's `Features`.
    """

    endpoint: Endpoint | None = None
    """Where to ask for it; None where nobody can be asked."""
    request: FetchMapping | None = None
    every: timedelta = timedelta(seconds=1)
    called_back: bool = False
    """The agency brings it to our door of its own accord."""
    settles: timedelta = timedelta(seconds=30)
    """As `Lookup.settles`, where asking for the answer is how one finds out whether a command was taken in at all."""

    def __post_init__(self) -> None:
        if (self.endpoint is None) != (self.request is None) or (self.endpoint is None and not self.called_back):
            message = "nobody would ever hear the answer"
            raise ValueError(message)


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
    later: Later | None = None
    """Where the agency may answer later than at once."""
    question: bool = False
    """It changes nothing at the agency: asked again it does no harm, whatever the agency's `Features`."""

    @property
    def called_back(self) -> bool:
        """Whether its answer may be brought to our door."""
        return self.later is not None and self.later.called_back


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


class Means(NamedTuple):
    """What one code of an agency means: our code for it, and what follows."""

    code: str
    then: Literal["final", "retried", "slows"]


def final(code: str) -> Means:
    """An answer, which the journey hears."""
    return Means(code, "final")


def retried(code: str) -> Means:
    """Nothing happened, and a later try may succeed."""
    return Means(code, "retried")


def slows(code: str) -> Means:
    """Nothing happened, and the whole organisation is left in peace for a while."""
    return Means(code, "slows")


@dataclass(frozen=True, slots=True)
class Errors:
    """How an agency says no: where its own code stands, and what each means.

    `field` may be a path ("head.code"). `done` are the codes of answers that are none of these: empty where only the
    status tells.
    """

    field: str
    codes: Mapping[str, Means]
    done: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Adapter:
    """One way of speaking to a kind of agency. The organisations that share it (`organisations`) differ by address."""

    name: str
    """Its folder's: agencies of one kind may speak in several ways, each with a folder of its own."""
    operations: Mapping[str, Operation]
    features: Features
    errors: Errors
    binding: Binding
    seal: Seal = "none"
    retry: RetryPolicy = RetryPolicy()
    limits: Limits = Limits()

    @property
    def by_files(self) -> bool:
        """Whether it is spoken to over files, put down at a host that has a key of its own, and not over HTTP."""
        return self.binding.style.travels == "sftp"

    @property
    def calls_back(self) -> bool:
        """Whether it brings any of its answers to our door."""
        return any(one.called_back for one in self.operations.values())

    @property
    def agency(self) -> str:
        """The kind of agency whose commands it takes: one of `contracts.topics.AGENCIES`."""
        return next(iter(self.operations.values())).command.agency


def operations(*rows: Operation) -> dict[str, Operation]:
    """Operations by the name of their command. Raises ValueError if one command has two."""
    table = {row.command.versions.name: row for row in rows}
    if len(table) != len(rows):
        message = "a command has two operations"
        raise ValueError(message)
    return table
