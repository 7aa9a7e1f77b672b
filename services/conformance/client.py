"""A client of one organisation: our commands to it, and what its answers mean, as dispatch would read them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from adapters import replies
from adapters.bindings.xml import NotXml
from adapters.errors import AgencyError, NotYet, Refused, TakenIn
from adapters.spec import Adapter, Endpoint, Json, Letter, Operation, Sent
from contracts.contract import Contract

from .car import Car
from .door import Door
from .exchanges import Exchanges
from .wire import Heard, Said, Silence, Way

_NO: Final = range(400, 500)
PATIENCE_S: Final = 15.0
"""So long the kit asks for what is under way: a parcel, a car, a record that others must bring."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One command, ready to be sent; one that `looks_up` only asks, elsewhere, whether it was carried out."""

    operation: Operation
    command: Contract
    car: Car
    body: Json
    key: str | None
    elsewhere: Endpoint | None = None
    looks_up: bool = False

    @property
    def endpoint(self) -> Endpoint:
        """Where it goes."""
        return self.elsewhere or self.operation.endpoint

    def once_more(self) -> Ask:
        """The same under another key."""
        return replace(self, key=fresh_key())


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a message: an answer with its meaning, or none.

    `status` is the one that its binding read, which has HTTP's numbers whatever the style.
    """

    heard: Heard | None = None
    status: int | None = None
    event: Contract | None = None
    error: AgencyError | None = None
    silence: str | None = None

    @property
    def is_no(self) -> bool:
        """Whether it was turned down, by a code or a status that says whose fault it is."""
        return self.is_named_no or self.status in _NO

    @property
    def is_named_no(self) -> bool:
        """Whether it was turned down by a code that the adapter knows, not to be taken for anything else."""
        return isinstance(self.error, Refused | NotYet) and not isinstance(self.error, TakenIn)

    @property
    def is_unknown(self) -> bool:
        """Whether a look-up found nothing."""
        return self.heard is not None and self.event is None and self.error is None

    @property
    def told(self) -> str:
        """In a few words, and never a word of the answer itself: it may be about a person."""
        if self.silence is not None or self.heard is None:
            return self.silence or "no answer"
        return f"HTTP {self.heard.status}, {self._meant()}"

    def _meant(self) -> str:
        if self.event is not None:
            return type(self.event).__name__
        return "unknown" if self.error is None else f"{self.error.result} {self.error}"


def fresh_key() -> str:
    """An idempotency key that nobody used before."""
    return f"conformance-{secrets.token_hex(12)}"


def _now() -> datetime:
    return datetime.now(UTC)


def as_it_is(letter: Letter) -> Letter:
    """Under no seal."""
    return letter


Read = Callable[..., Contract | None]
"""What is heard → the event that it means; one of `adapters.replies`."""
Sealing = Callable[[Letter], Letter]
"""A message → the same under our seal."""


@dataclass(frozen=True, slots=True)
class Client:
    """Speaks to one organisation at one address in the way of its adapter; `seal` is ours, where it wants one."""

    adapter: Adapter
    organisation: str
    base: str
    wire: Way
    seal: Sealing = as_it_is
    door: Door | None = None
    patience_s: float = PATIENCE_S
    now: Callable[[], datetime] = _now
    exchanges: Exchanges = field(default_factory=Exchanges)
    granted: str | None = None
    """What the organisation has granted us to be known by."""

    @property
    def answer_s(self) -> float:
        """So long the kit waits for an answer that comes later; agencies agree with us on much more."""
        return 4 * self.patience_s

    def said(self, ask: Ask, raw: bytes | None = None) -> Said:
        """The message as it goes out, or `raw` in its place, under the same seal."""
        sent = Sent(self.organisation, self.now(), ask.key, self.granted)
        letter = self.adapter.binding.written(ask.endpoint, ask.body, sent)
        letter = self._sealed(letter if raw is None else Letter(raw, letter.headers))
        headers = {**letter.headers, "traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"}
        if ask.key is not None:
            headers["Idempotency-Key"] = ask.key
        return Said(ask.endpoint.method, ask.endpoint.url(self.base, self.organisation), headers, letter.raw)

    def _sealed(self, letter: Letter) -> Letter:
        try:
            return self.seal(letter)
        except NotXml:
            # A seal within the document cannot be put on what is none: that goes out as it is.
            return letter

    async def ask(self, ask: Ask) -> Came:
        """Send it and understand what comes at once."""
        return await self.send(ask, self.said(ask))

    async def send(self, ask: Ask, said: Said) -> Came:
        """Send a message that was altered on the way; what comes at once is read as the answer to `ask`."""
        if self.door is not None and ask.key is not None:
            self.door.awaited.add(ask.key)
        return await self._exchanged(ask, said, replies.looked_up if ask.looks_up else replies.answer)

    async def fetch(self, ask: Ask) -> Came:
        """The answer to a command that was taken in: brought to our door, or asked for. None there yet: `TakenIn`."""
        later = ask.operation.later
        if later is None or ask.key is None:
            raise LookupError(ask.operation.command.versions.name)
        brought = self.door.find(ask.key) if self.door is not None else None
        if brought is not None:
            return self._understood(ask, Heard(HTTPStatus.OK, {}, brought), replies.answer)
        if later.endpoint is None or later.request is None:
            if self.door is not None:
                self.door.waited.set()
            return Came(error=TakenIn(later.every), silence="no call-back yet")
        question = replace(ask, elsewhere=later.endpoint, body=later.request(ask.command, ask.key), key=None)
        return await self._exchanged(ask, self.said(question), replies.fetched, later.endpoint)

    async def answer(self, ask: Ask, came: Came) -> Came:
        """What came, or, if the command was only taken in, what comes of it in the end."""
        give_up_at = _time() + self.answer_s
        while isinstance(came.error, TakenIn) and _time() < give_up_at and not self._in_vain(ask):
            await asyncio.sleep(min(came.error.retry_after.total_seconds() if came.error.retry_after else 1.0, 1.0))
            came = await self.fetch(ask)
        return came

    def _in_vain(self, ask: Ask) -> bool:
        """Whether it can only be called back, and nobody ever calls."""
        later = ask.operation.later
        return self.door is not None and self.door.is_deaf and later is not None and later.endpoint is None

    async def _exchanged(self, ask: Ask, said: Said, read: Read, endpoint: Endpoint | None = None) -> Came:
        """Say something, and understand what comes at once; both are noted."""
        began, heard = _time(), None
        self.exchanges.sent(said, ask.car.vin, ask.key)
        try:
            heard = await self.wire.say(said, (endpoint or ask.endpoint).timeout.total_seconds())
            came = self._understood(ask, heard, read)
        except Silence as silence:
            came = Came(silence=str(silence))
        self.exchanges.received(heard, came.told, _time() - began)
        return came

    def _understood(self, ask: Ask, heard: Heard, read: Read) -> Came:
        got = self.adapter.binding.read(heard.status, heard.headers, heard.raw)
        try:
            if not ask.looks_up:
                replies.ours(got, self.organisation, ask.key)
            return Came(heard, got.status, read(self.adapter, ask.operation, ask.command, got))
        except AgencyError as wrong:
            return Came(heard, got.status, error=wrong)


def _time() -> float:
    return asyncio.get_running_loop().time()


def as_json(event: Contract) -> dict[str, Any]:
    """What an event says."""
    return event.model_dump(mode="json", exclude_none=True)
