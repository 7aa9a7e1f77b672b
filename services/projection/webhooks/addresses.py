"""Where a letter may go: to the open Internet, and to no neighbour of ours that an address happens to name.

Names are resolved here, and what they stand for is judged before anything is connected: a name that meant somebody
else a moment ago (DNS rebinding) is judged by what it means now, for that is what is connected to.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from services.runtime.settings import Network, Settings

Address = IPv4Address | IPv6Address
_NAT64: Final = IPv6Network("64:ff9b::/96")
_THIS: Final = IPv4Address("127.0.0.1")
FORBIDDEN: Final = "address-forbidden"
NO_TLS: Final = "https-only"


class Forbidden(OSError):
    """An address to which nothing is posted; its text is the reason, in a word."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What an installation allows beside the open Internet: networks of its own, and itself where it is a test."""

    networks: tuple[Network, ...] = ()
    is_test: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """As its settings say."""
        return cls(settings.webhook_own_networks, settings.webhook_test)

    def permits(self, text: str) -> bool:
        """Whether anything may be posted to an IP address."""
        address = _meant(ip_address(text))
        if any(address in network for network in self.networks):
            return True
        if address.is_loopback:
            return self.is_test
        return address.is_global and not address.is_multicast and not address.is_reserved

    def forbids(self, url: str) -> str | None:
        """Why nothing is posted there, where the text alone tells it: an address that nobody would resolve, or no TLS.

        What a name stands for the resolver judges.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" and not self.is_test:
            return NO_TLS
        literal = _literal(parts.hostname or "")
        return FORBIDDEN if literal is not None and not self.permits(literal) else None

    def check(self, url: str) -> None:
        """Raise `Forbidden` where it forbids that."""
        why = self.forbids(url)
        if why is not None:
            raise Forbidden(why)


def _literal(host: str) -> str | None:
    """The address that a host says by itself; None where somebody must be asked."""
    host = host.removesuffix(".")  # a name that is written out to the root is the same one
    if host == "localhost" or host.endswith(".localhost"):
        return str(_THIS)  # RFC 6761: of nobody else
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        # As resolvers take them: 2130706433, 0x7f.1, 0.
        return str(IPv4Address(socket.inet_aton(host)))
    except OSError:
        return None


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one is only another way to."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


class Resolver(AbstractResolver):
    """Resolves a name where all that it stands for is permitted."""

    def __init__(self, rules: Rules, inner: AbstractResolver | None = None) -> None:
        self._rules = rules
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As the system does. Raises `Forbidden` where any of its addresses may not be posted to."""
        found = await self._inner.resolve(host, port, family)
        if not all(self._rules.permits(one["host"]) for one in found):
            raise Forbidden(FORBIDDEN)
        return found

    async def close(self) -> None:
        """Nothing is kept."""
        await self._inner.close()
