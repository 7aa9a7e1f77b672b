"""The way to an organisation over HTTP: one request, one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from adapters.errors import Ambiguous, BrokenAnswer, Unavailable
from adapters.spec import Endpoint, Features, Letter

from .carrier import LARGEST_ANSWER, Brought

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
class Http:
    """Below an address, under the organisation's own name."""

    base_url: str
    organisation: str
    session: aiohttp.ClientSession

    async def carry(self, endpoint: Endpoint, letter: Letter, key: str | None) -> Brought:
        """As `Carrier` says."""
        # Nothing is unpacked: a few bytes could become any number, on the loop that all organisations share.
        headers = {**letter.headers, "Accept-Encoding": "identity"}
        if key is not None:
            headers["Idempotency-Key"] = key
        timeout = aiohttp.ClientTimeout(total=endpoint.timeout.total_seconds(), sock_connect=_CONNECT_S)
        try:
            async with self.session.request(
                endpoint.method,
                endpoint.url(self.base_url, self.organisation),
                data=letter.raw,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                auto_decompress=False,
            ) as answer:
                return Brought(answer.status, answer.headers, await _read(answer))
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
