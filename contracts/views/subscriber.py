"""A subscriber and its grants, as an operator writes them in `subscribers.toml`.

The models take what can be read; whether a grant may be given is judged apart (`plan.judge`), so that one grant that
asks for too much is refused alone, with all its reasons at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ..fields import PARTY_OF, Party
from ..numbers import division
from ..topics import ANY_AGENCY, SUBSCRIBABLE, events
from ..types import Uscc

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9\-]{0,39}$")]


def _of_a_province(prefix: str) -> str:
    if not division.is_mainland(prefix.ljust(6, "0")):
        kind = "division"
        raise PydanticCustomError(kind, "no division begins so")
    return prefix


Prefix = Annotated[
    str, StringConstraints(pattern=r"^([1-9][0-9]|[1-9][0-9]{3}|[1-9][0-9]{5})$"), AfterValidator(_of_a_province)
]
"""Of a division code (GB/T 2260): a province, a city or a county."""
Said = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


def _of_a_receiver(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        kind = "url_host"  # brackets that hold no address
        raise PydanticCustomError(kind, _URL) from None
    is_known = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _ITSELF)
    for kind, holds in (
        ("url_scheme", is_known),
        ("url_user", parts.username is None),
        ("url_fragment", not parts.fragment),
        ("url_host", _is_a_name(parts.hostname)),
        ("url_port", _port(parts) is not None),
    ):
        if not holds:
            raise PydanticCustomError(kind, _URL)
    return url


def _is_a_name(host: str | None) -> bool:
    """Whether a resolver can be asked for it: no label is empty, or longer than 63 characters."""
    try:
        return bool((host or "").encode("idna"))
    except UnicodeError:
        return False


def _port(parts: SplitResult) -> int | None:
    try:
        return 443 if parts.port is None else parts.port
    except ValueError:
        return None


_URL: Final = "https://host/path, without a name, a password or a fragment"
_ITSELF: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_Coordinate = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]{43}$")]

BY_USCC: Final[dict[Party, tuple[str, ...]]] = {
    "O": ("seller", "maker"),
    "I": ("insurer",),
    "B": ("lender",),
    "E": ("exporter",),
}
"""Parties that are many, and which of those whom a message concerns each must be."""


class _Closed(BaseModel):
    """A misspelt key is an error: what it meant to say would be missing in silence. Values stay out of errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)


class PublicKey(_Closed):
    """A public JWK for what is sealed: P-256, or X25519. A private one (`d`) is not taken."""

    kty: Literal["EC", "OKP"]
    crv: Literal["P-256", "X25519"]
    x: _Coordinate
    y: _Coordinate | None = None
    kid: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")] | None = None

    @model_validator(mode="after")
    def _is_a_point(self) -> Self:
        if (self.kty, self.crv, self.y is not None) not in {("EC", "P-256", True), ("OKP", "X25519", False)}:
            kind = "key"
            raise PydanticCustomError(kind, "either EC with P-256, x and y, or OKP with X25519 and x")
        return self


class Webhook(_Closed):
    """Where it is posted what stands on its topics: HTTPS; only to this very machine, for a test, HTTP as well."""

    url: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,500}$"), AfterValidator(_of_a_receiver)]


class Grant(_Closed):
    """What a subscriber is shown of one contract, in which version, for what purpose, on what basis, and until when.

    `fields` are names of the dictionary, each said; there is no word for all. `since` is written `from`.
    """

    id: Name
    contract: Annotated[str, StringConstraints(max_length=60)]
    version: Annotated[int, Strict()]
    fields: tuple[Annotated[str, StringConstraints(max_length=60)], ...]
    purpose: Said = ""
    legal_basis: Said = ""
    since: AwareDatetime | None = Field(default=None, alias="from")
    until: AwareDatetime | None = None


class Subscriber(_Closed):
    """An organisation that reads `to.<name>.<topic>`, or is posted what stands there.

    `party` is its column of the matrix. A dealer, insurer, bank or exporter sees what concerns one of its `usccs`;
    `jurisdiction` limits anybody to cars that are registered there, and must be said: `[]` is the whole country.
    """

    name: Name
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    party: Party
    usccs: frozenset[Uscc] = frozenset()
    jurisdiction: tuple[Prefix, ...]
    key: PublicKey | None = None
    webhook: Webhook | None = None
    grants: tuple[Grant, ...] = ()

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if (self.party in BY_USCC) != bool(self.usccs):
            kind = "usccs"
            raise PydanticCustomError(kind, "parties O, I, B and E need usccs; there is only one of the others")
        return self

    def topics_of(self, grant: Grant) -> tuple[str, ...]:
        """The topics of which a grant of it gives a view: those on which its contract stands.

        What every agency says in the same words, as a refusal, is heard from the agency of one's own party alone.
        """
        return tuple(
            topic
            for topic, carried in SUBSCRIBABLE.items()
            for versions in carried
            if versions.name == grant.contract and (versions.owner != ANY_AGENCY or topic in self._answers)
        )

    @property
    def topics(self) -> tuple[str, ...]:
        """Of which topics it has a view, in the order of the table."""
        wanted = {topic for grant in self.grants for topic in self.topics_of(grant)}
        return tuple(topic for topic in SUBSCRIBABLE if topic in wanted)

    @property
    def _answers(self) -> tuple[str, ...]:
        """What its party's own agency answers; dealers, makers and exporters have none."""
        return tuple(events(agency).name for agency, party in PARTY_OF.items() if party == self.party)


class Subscribers(_Closed):
    """The whole file."""

    subscribers: tuple[Subscriber, ...] = ()

    @model_validator(mode="after")
    def _are_distinct(self) -> Self:
        names = Counter(subscriber.name for subscriber in self.subscribers)
        grants = Counter(grant.id for _, grant in self.grants())
        twice = sorted(name for name, times in (names + Counter(grants)).items() if times > 1)
        if max((*names.values(), *grants.values()), default=1) > 1:
            kind = "twice"
            raise PydanticCustomError(kind, "there twice: {names}", {"names": ", ".join(twice)})
        return self

    def grants(self) -> Iterator[tuple[Subscriber, Grant]]:
        """Every grant with its subscriber, in the order of the file."""
        return ((subscriber, grant) for subscriber in self.subscribers for grant in subscriber.grants)

    def views(self) -> Iterator[tuple[str, str]]:
        """Pairs of a subscriber and a topic of which it has a view, as `topics.all_topics` takes them."""
        return ((subscriber.name, topic) for subscriber in self.subscribers for topic in subscriber.topics)
