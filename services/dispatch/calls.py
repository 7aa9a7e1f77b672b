"""One call to one organisation: a command, a look-up, or the fetching of an answer that comes later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

from adapters import replies
from adapters.errors import BrokenAnswer
from adapters.organisations import Organisation
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Endpoint, Features, Json, Letter, Operation, Reply, Sent
from contracts.contract import Contract
from contracts.envelope import Message
from services.runtime.clock import Clock
from services.runtime.store import Op

from .carriers.carrier import Carrier
from .mailbox import Brought, Mailbox, unheard
from .seals.seal import UNSEALED, Forged, Sealing


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation as it can be called. `mailbox` holds what it brings to our door of its own accord."""

    organisation: Organisation
    carrier: Carrier
    sealing: Sealing = UNSEALED
    mailbox: Mailbox | None = None
    clock: Clock = field(default_factory=Clock)
    granted: Callable[[], str | None] = field(default=lambda: None)
    """What it has granted us to be known by, as it is now; see `Secrets.granted`."""

    @property
    def adapter(self) -> Adapter:
        """How this kind of agency speaks."""
        found: Adapter = ADAPTERS[self.organisation.adapter]
        return found

    @property
    def patience_s(self) -> float:
        """How long the longest of its calls may last."""
        operations = self.adapter.operations.values()
        asking = [way.endpoint for one in operations for way in (one.lookup, one.later) if way and way.endpoint]
        endpoints = [one.endpoint for one in operations] + asking
        return max(one.timeout.total_seconds() for one in endpoints)

    def operation(self, command: str) -> Operation | None:
        """The operation for a command's contract name; None if this kind of agency has none."""
        return self.adapter.operations.get(command)

    async def ask(self, operation: Operation, command: Message[Contract], key: str, traceparent: str) -> Contract:
        """Send the command; the answering event. Raises `adapters.errors.AgencyError`.

        `key` is the idempotency key, so that a resend is known as one.
        """
        got = await self._call(operation, operation.endpoint, operation.request(command.data), key, traceparent)
        return replies.answer(self.adapter, operation, command.data, self._ours(got, key))

    def calls_back(self, operation: Operation) -> bool:
        """Whether its answers may be brought to our own door, under a seal."""
        return self.mailbox is not None and operation.called_back

    def unheard(self, operation: Operation, key: str, heard_at: float | None) -> Op[bool] | None:
        """An act that tells whether an answer was brought other than the one that was heard; see `mailbox.unheard`.

        None where nothing is ever brought.
        """
        if not self.calls_back(operation):
            return None
        return lambda connection: unheard(connection, self.organisation.id, key, heard_at)

    async def brought(self, operation: Operation, key: str) -> Brought | None:
        """What the organisation brought to our own door as the answer to what was sent under a key; None if nothing."""
        if self.mailbox is None or not self.calls_back(operation):
            return None
        return await self.mailbox.find(self.organisation.id, key)

    def heard(self, operation: Operation, command: Message[Contract], brought: Brought) -> Contract:
        """The event that it comes to. Raises whatever `ask` does."""
        got = self.adapter.binding.read(HTTPStatus.OK, {}, brought.raw)
        return replies.answer(self.adapter, operation, command.data, self._ours(got, got.about))

    async def give_way(self, key: str, brought: Brought) -> bool:
        """What was brought under a key is no answer: whether another one that is here takes its place."""
        return self.mailbox is not None and await self.mailbox.give_way(self.organisation.id, key, brought)

    async def forget(self, key: str, brought: Brought) -> None:
        """What was brought under a key decided nothing, and has had its time: another answer may come, or is here."""
        if self.mailbox is not None:
            await self.mailbox.forget(self.organisation.id, key, brought)

    async def here(self, keys: Collection[str]) -> set[str]:
        """Under which of these keys something was brought."""
        return set() if self.mailbox is None else await self.mailbox.here(self.organisation.id, keys)

    async def fetch(
        self, operation: Operation, command: Message[Contract], key: str, traceparent: str
    ) -> Contract | None:
        """The answer to a command that was taken in under this key, or None where the agency knows nothing of it.

        Raises `TakenIn` while there is none, and whatever `ask` does.
        """
        later = operation.later
        if later is None or later.endpoint is None or later.request is None:
            message = "this operation's answer cannot be asked for"
            raise LookupError(message)
        # A question has no key of its own: under the deed's it could be taken for that deed with another content.
        got = await self._call(operation, later.endpoint, later.request(command.data, key), None, traceparent)
        return replies.fetched(self.adapter, operation, command.data, self._ours(got, key))

    async def look_up(
        self, operation: Operation, command: Message[Contract], key: str, traceparent: str
    ) -> Contract | None:
        """After an ambiguous result: the event if the command was carried out, None if it was not.

        Where there is no other way to find out, its answer is asked for: raises `TakenIn` if it was only taken in.
        """
        lookup = operation.lookup
        if lookup is None:
            return await self.fetch(operation, command, key, traceparent)
        got = await self._call(operation, lookup.endpoint, lookup.request(command.data), None, traceparent)
        return replies.looked_up(self.adapter, operation, command.data, got)

    def can_look_up(self, operation: Operation) -> bool:
        """Whether an ambiguous result can be cleared up by asking."""
        return self.adapter.features is Features.QUERYABLE and settles(operation) is not None

    def knows_again(self, operation: Operation) -> bool:
        """Whether a second call for the same does no harm: the agency knows its key, or it only asks."""
        return self.adapter.features is Features.IDEMPOTENT or operation.question

    def _ours(self, got: Reply, key: str | None) -> Reply:
        return replies.ours(got, self.organisation.id, key)

    async def _call(
        self, operation: Operation, endpoint: Endpoint, body: Json, key: str | None, traceparent: str
    ) -> Reply:
        sent = Sent(self.organisation.id, self.clock.now(), key, self.granted())
        letter = self.adapter.binding.written(endpoint, body, sent)
        raw, headers = self.sealing.sealed(letter)
        came = await self.carrier.carry(endpoint, Letter(raw, {**headers, "traceparent": traceparent}), key)
        return await self._proved(operation, *came)

    async def _proved(self, operation: Operation, status: int, headers: Mapping[str, str], raw: bytes) -> Reply:
        """What came. No decision of who seals what it calls back is believed without the seal, wherever it is said."""
        reply = self.adapter.binding.read(status, headers, raw)
        if not self.calls_back(operation) or not replies.claims(self.adapter, reply):
            return reply
        try:
            # Not on the loop that all organisations share: a signature takes milliseconds.
            opened = await asyncio.to_thread(self.sealing.opened, headers, raw)
        except Forged:
            reason = "not-sealed"
            raise BrokenAnswer(reason, status) from None
        return self.adapter.binding.read(status, headers, opened)


def settles(operation: Operation) -> timedelta | None:
    """For how long after an ambiguous result a command may still be carried out; None where nobody can be asked."""
    if operation.lookup is not None:
        return operation.lookup.settles
    return operation.later.settles if operation.later and operation.later.endpoint else None
