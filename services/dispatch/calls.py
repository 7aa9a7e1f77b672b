"""One call to one organisation over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from adapters import replies
from adapters.errors import Ambiguous, BrokenAnswer, Unavailable
from adapters.organisations import Organisation
from adapters.registry import ADAPTERS
from adapters.spec import Adapter, Endpoint, Features, Json, Operation, Reply
from contracts.contract import Contract
from contracts.envelope import Message

LARGEST_ANSWER: Final = 1_048_576
"""Bytes. A longer answer is broken; it is never read into memory."""
_CONNECT_S: Final = 3.0
_KEPT_S: Final = 30.0


def connections(features: Features) -> aiohttp.ClientSession:
    """Connections to an organisation, each kept for the next call only where a second call would be known.

    An organisation may close a kept connection just as we use it: then nobody can tell whether it took the call.
    """
    if features is Features.IDEMPOTENT:
        return aiohttp.ClientSession(connector=_Kept(limit=0, keepalive_timeout=_KEPT_S))
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))


class _Kept(aiohttp.TCPConnector):
    """Uses no kept connection on which something was said meanwhile: it would be taken for the next call's answer."""

    # aiohttp asks this only when it gives a connection back; of its own parts we use just this one, and a test pins it.
    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            if connection.protocol is not None and not connection.protocol.should_close:
                break
            connection.close()
        return connection


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation as it can be called."""

    organisation: Organisation
    base_url: str
    http: aiohttp.ClientSession

    @property
    def adapter(self) -> Adapter:
        """How this kind of agency speaks."""
        found: Adapter = ADAPTERS[self.organisation.adapter]
        return found

    @property
    def patience_s(self) -> float:
        """How long the longest of its calls may last."""
        operations = self.adapter.operations.values()
        endpoints = [one.endpoint for one in operations] + [one.lookup.endpoint for one in operations if one.lookup]
        return max(one.timeout.total_seconds() for one in endpoints)

    def operation(self, command: str) -> Operation | None:
        """The operation for a command's contract name; None if this kind of agency has none."""
        return self.adapter.operations.get(command)

    async def ask(self, operation: Operation, command: Message[Contract], key: str, traceparent: str) -> Contract:
        """Send the command; the answering event. Raises `adapters.errors.AgencyError`.

        `key` is the idempotency key, so that a resend is known as one.
        """
        got = await self._call(operation.endpoint, operation.request(command.data), key, traceparent)
        return replies.answer(self.adapter, operation, command.data, got)

    async def look_up(self, operation: Operation, command: Message[Contract], traceparent: str) -> Contract | None:
        """After an ambiguous result: the event if the command was carried out, None if it was not.

        A question has no idempotency key: under the deed's own it could be taken for that deed with another content.
        """
        if operation.lookup is None:
            message = "this operation has no look-up"
            raise LookupError(message)
        lookup = operation.lookup
        got = await self._call(lookup.endpoint, lookup.request(command.data), None, traceparent)
        return replies.looked_up(self.adapter, operation, command.data, got)

    def can_look_up(self, operation: Operation) -> bool:
        """Whether an ambiguous result can be cleared up by asking."""
        return self.adapter.features is Features.QUERYABLE and operation.lookup is not None

    def knows_again(self, operation: Operation) -> bool:
        """Whether a second call for the same does no harm: the agency knows its key, or it only asks."""
        return self.adapter.features is Features.IDEMPOTENT or operation.question

    async def _call(self, endpoint: Endpoint, body: Json, key: str | None, traceparent: str) -> Reply:
        url = endpoint.url(self.base_url, self.organisation.id)
        # Nothing is unpacked: a few bytes could become any number, on the loop that all organisations share.
        headers = {"traceparent": traceparent, "Accept-Encoding": "identity"}
        if key is not None:
            headers["Idempotency-Key"] = key
        timeout = aiohttp.ClientTimeout(total=endpoint.timeout.total_seconds(), sock_connect=_CONNECT_S)
        try:
            async with self.http.request(
                endpoint.method,
                url,
                json=body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                auto_decompress=False,
            ) as answer:
                raw = await _read(answer)
                return replies.reply(answer.status, answer.headers, raw)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise Unavailable from None
        except (aiohttp.ClientError, TimeoutError):
            raise Ambiguous from None


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    parts = bytearray()
    async for part in answer.content.iter_chunked(65_536):
        parts += part
        if len(parts) > LARGEST_ANSWER:
            answer.close()
            reason = "too-large"
            raise BrokenAnswer(reason, answer.status)
    return bytes(parts)
