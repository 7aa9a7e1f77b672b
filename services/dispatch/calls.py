"""One call to one organisation: a command, a look-up, or the fetching of an answer that comes later."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from adapters import replies
from adapters.errors import AgencyError, BrokenAnswer, Refused, TakenIn
from adapters.organisations import Organisation
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Endpoint, Features, Json, Letter, Operation, Reply, Sent
from contracts.contract import Contract
from contracts.envelope import Message
from services.runtime.clock import Clock

from .carriers.carrier import Carrier
from .mailbox import Mailbox
from .seals.seal import UNSEALED, Sealing


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation as it can be called. `mailbox` holds what it brings to our door of its own accord."""

    organisation: Organisation
    carrier: Carrier
    sealing: Sealing = UNSEALED
    mailbox: Mailbox | None = None
    clock: Clock = field(default_factory=Clock)

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

        `key` is the idempotency key, so that a resend is known as one. What was decided and called back already is not
        sent again.
        """
        got = await self._called_back(operation, key)
        if got is not None:
            try:
                return replies.answer(self.adapter, operation, command.data, got)
            except Refused:
                raise
            except AgencyError:
                # "Not yet", or nonsense: whoever knows our key is asked again, and what came of that has had its time.
                if self.mailbox is None or not self.knows_again(operation):
                    raise
                await self.mailbox.forget(self.organisation.id, key)
        got = await self._call(operation.endpoint, operation.request(command.data), key, traceparent)
        return replies.answer(self.adapter, operation, command.data, _about(got, key))

    async def fetch(
        self, operation: Operation, command: Message[Contract], key: str, traceparent: str
    ) -> Contract | None:
        """The answer to a command that was taken in under this key, or None where the agency knows nothing of it.

        Raises `TakenIn` while there is none, and whatever `ask` does.
        """
        later = operation.later
        if later is None:
            message = "this operation is answered at once"
            raise LookupError(message)
        got = await self._called_back(operation, key)
        if got is not None:
            return replies.answer(self.adapter, operation, command.data, got)
        if later.endpoint is None or later.request is None:
            raise TakenIn(later.every)
        # A question has no key of its own: under the deed's it could be taken for that deed with another content.
        got = await self._call(later.endpoint, later.request(command.data, key), None, traceparent)
        return replies.fetched(self.adapter, operation, command.data, _about(got, key))

    async def look_up(
        self, operation: Operation, command: Message[Contract], key: str, traceparent: str
    ) -> Contract | None:
        """After an ambiguous result: the event if the command was carried out, None if it was not.

        Where there is no other way to find out, its answer is asked for: raises `TakenIn` if it was only taken in.
        """
        lookup = operation.lookup
        if lookup is None:
            return await self.fetch(operation, command, key, traceparent)
        got = await self._call(lookup.endpoint, lookup.request(command.data), None, traceparent)
        return replies.looked_up(self.adapter, operation, command.data, got)

    def can_look_up(self, operation: Operation) -> bool:
        """Whether an ambiguous result can be cleared up by asking."""
        return self.adapter.features is Features.QUERYABLE and settles(operation) is not None

    def knows_again(self, operation: Operation) -> bool:
        """Whether a second call for the same does no harm: the agency knows its key, or it only asks."""
        return self.adapter.features is Features.IDEMPOTENT or operation.question

    async def _called_back(self, operation: Operation, key: str) -> Reply | None:
        if self.mailbox is None or operation.later is None or not operation.later.called_back:
            return None
        raw = await self.mailbox.find(self.organisation.id, key)
        return None if raw is None else self.adapter.binding.read(200, {}, raw)

    async def _call(self, endpoint: Endpoint, body: Json, key: str | None, traceparent: str) -> Reply:
        binding = self.adapter.binding
        letter = binding.written(endpoint, body, Sent(self.organisation.id, self.clock.now(), key))
        raw, headers = self.sealing.sealed(letter)
        brought = await self.carrier.carry(endpoint, Letter(raw, {**headers, "traceparent": traceparent}), key)
        return binding.read(*brought)


def settles(operation: Operation) -> timedelta | None:
    """For how long after an ambiguous result a command may still be carried out; None where nobody can be asked."""
    if operation.lookup is not None:
        return operation.lookup.settles
    return operation.later.settles if operation.later and operation.later.endpoint else None


def _about(got: Reply, key: str) -> Reply:
    """The same. Raises `BrokenAnswer` where it says itself that it answers something else."""
    if got.about not in {None, key}:
        reason = "about-another"
        raise BrokenAnswer(reason, got.status)
    return got
