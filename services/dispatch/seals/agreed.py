"""Which seal is agreed with an organisation, with the keys of this installation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adapters.spec import Letter, Seal
from services.runtime.identities import US
from services.runtime.settings import Identity

from .jws import Jws
from .seal import UNSEALED, Sealing
from .xmldsig import XmlSignature

__all__ = ["US", "agreed"]


def agreed(seal: Seal, identities: Mapping[str, Identity], certificates: Callable[[], Sequence[str]]) -> Sealing:
    """The way of sealing that an adapter names, with what is our key whenever something is sealed.

    Raises LookupError where we have no key to seal with.
    """
    if seal == "none":
        return UNSEALED
    if US not in identities:
        message = f"secrets.json has no identity {US!r} to seal with: tongche up makes one"
        raise LookupError(message)
    return _Agreed(Jws if seal == "jws" else XmlSignature, identities, certificates)


@dataclass(frozen=True, slots=True)
class _Agreed:
    """A way of sealing whose key may be exchanged between one message and the next."""

    way: Callable[[Identity, Callable[[], Sequence[str]]], Sealing]
    identities: Mapping[str, Identity]
    certificates: Callable[[], Sequence[str]]

    def sealed(self, letter: Letter) -> Letter:
        return self.way(self.identities[US], self.certificates).sealed(letter)

    def opened(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        return self.way(self.identities[US], self.certificates).opened(headers, raw)
