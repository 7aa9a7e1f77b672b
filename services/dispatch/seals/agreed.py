"""Which seal is agreed with an organisation, with the keys of this installation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from adapters.spec import Seal
from services.runtime.settings import Identity

from .jws import Jws
from .seal import UNSEALED, Sealing
from .xmldsig import XmlSignature

US: Final = "tongche"


def agreed(seal: Seal, identities: Mapping[str, Identity], certificates: Callable[[], Sequence[str]]) -> Sealing:
    """The way of sealing that an adapter names. Raises LookupError where we have no key to seal with."""
    if seal == "none":
        return UNSEALED
    ours = identities.get(US)
    if ours is None:
        message = f"secrets.json has no identity {US!r} to seal with: tongche up makes one"
        raise LookupError(message)
    return Jws(ours, certificates) if seal == "jws" else XmlSignature(ours, certificates)
