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


class Forbidden(OSError):
    """An address to which nothing is posted."""


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

    def check(self, url: str) -> None:
        """Raise `Forbidden` where the text alone tells it: an address that nobody would resolve, or no TLS."""
        parts = urlsplit(url)
        if parts.scheme != "https" and not self.is_test:
            raise Forbidden("scheme")
        try:
            is_permitted = self.permits(parts.hostname or "")
        except ValueError:
            return  # a name: the resolver judges what it stands for
        if not is_permitted:
            raise Forbidden("address")


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
            raise Forbidden("address")
        return found

    async def close(self) -> None:
        """Nothing is kept."""
        await self._inner.close()
