"""One post: what is sent, and what the answer means, by the rules of Standard Webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import aiohttp

from .addresses import Forbidden, Resolver, Rules

TIMEOUT_S: Final = 20.0
"""Standard Webhooks: between 15 and 30 s. A drain of lanes waits as long, so that a stop cuts none off."""
_CONNECT_S: Final = 5.0
_LONGEST_PAUSE: Final = timedelta(hours=1)
"""Who asks for more is asked again after so long: one header, sent by mistake, is not to silence anybody for a day."""
_READ: Final = 4_096
"""Bytes of an answer that are read, so that its connection can be used again; what it says does not matter."""
_BUSY: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


@dataclass(frozen=True, slots=True)
class Missed:
    """Why a letter was not taken, in a word that is stable and tells nothing of the answer's content.

    `is_busy`: the receiver bears less than we send; `pause_s` is for how long it asks us to wait. `is_gone`: it wants
    nothing more, ever. `may_lie_in_it`: another letter may well be taken.
    """

    reason: str
    pause_s: float | None = None
    is_busy: bool = False
    is_gone: bool = False
    may_lie_in_it: bool = False


@dataclass(frozen=True, slots=True)
class Postman:
    """Carries letters to addresses that the rules permit, over connections that all subscribers share."""

    rules: Rules
    http: aiohttp.ClientSession
    timeout_s: float = TIMEOUT_S

    @classmethod
    def of(cls, rules: Rules) -> Postman:
        """One with connections of its own; to be closed."""
        connector = aiohttp.TCPConnector(resolver=Resolver(rules), use_dns_cache=False, limit=0)
        # No cookies, no proxy of the environment's: each would let one receiver decide about what another is sent.
        http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)
        return cls(rules, http)

    async def close(self) -> None:
        """Hang up."""
        await self.http.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Missed | None:
        """Post once, without following where the answer points; None where the letter was taken."""
        timeout = aiohttp.ClientTimeout(total=self.timeout_s, sock_connect=_CONNECT_S)
        try:
            self.rules.check(url)
            async with self.http.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                await answer.content.read(_READ)
                return _missed(answer.status, answer.headers)
        # A name that no resolver can even be asked for is a ValueError, and ends nobody else's posting.
        except (aiohttp.ClientError, OSError, ValueError) as wrong:
            return _unreached(wrong)


_UNREACHED: Final = (
    (aiohttp.ClientConnectorDNSError, "no-such-host"),
    (aiohttp.InvalidURL, "no-such-host"),
    (UnicodeError, "no-such-host"),
    (aiohttp.ClientSSLError, "tls"),
    (aiohttp.ClientConnectorError, "no-connection"),
    (aiohttp.ConnectionTimeoutError, "no-connection"),
    (TimeoutError, "no-answer"),
)
"""The first that fits counts."""


def _unreached(wrong: Exception) -> Missed:
    # What the resolver refuses comes wrapped, as a name that could not be resolved.
    inner = wrong.os_error if isinstance(wrong, aiohttp.ClientConnectorDNSError) else wrong
    if isinstance(inner, Forbidden):
        return Missed(str(inner))
    word = next((word for kind, word in _UNREACHED if isinstance(wrong, kind)), None)
    return Missed(word) if word else Missed("broken-answer", may_lie_in_it=True)


def _missed(status: int, headers: Mapping[str, str]) -> Missed | None:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    reason = f"http-{status}"
    if status == HTTPStatus.GONE:
        return Missed(reason, is_gone=True)
    pause_s = _pause_s(headers)
    if status in _BUSY:
        return Missed(reason, pause_s, is_busy=True)
    return Missed(reason, pause_s, may_lie_in_it=True)


def _pause_s(headers: Mapping[str, str]) -> float | None:
    """`Retry-After`: seconds, or a date that is counted from the answer's own `Date`, by the receiver's clock."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_PAUSE.total_seconds())
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(wait, timedelta()), _LONGEST_PAUSE).total_seconds()
