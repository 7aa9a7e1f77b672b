"""Fields of grades G3 and G4, encrypted for their recipient: compact JWE, ECDH-ES with A256GCM.

Agreeing on a key costs more than all the rest of a message. So one agreement serves a number of messages: all of them
bear the same ephemeral public key, and each its own nonce. Whoever opens one knows no difference (`DECISIONS.md`).
"""

from __future__ import annotations

import os
import struct
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from joserfc.jwk import ECKey, OKPKey
from pydantic_core import to_json

from contracts.views.subscriber import PublicKey

ALG: Final = "ECDH-ES"
ENC: Final = "A256GCM"
MESSAGES: Final = 4096
"""One agreement serves no more: with random nonces of 96 bits a key is good for 2³² (NIST SP 800-38D 8.3)."""
SECONDS: Final = 60.0
"""Nor any longer, so that what one ephemeral key gives away is a minute of one subscriber's messages."""
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_EPK: Final = ("kty", "crv", "x", "y")


class _Agreement(NamedTuple):
    """What the recipient and we agreed upon; the header says how, so that only the recipient can repeat it."""

    header: str
    associated: bytes
    cipher: AESGCM


@dataclass(slots=True)
class Seal:
    """Encrypts for one recipient."""

    key: PublicKey
    clock: Callable[[], float] = time.monotonic
    messages: int = MESSAGES
    _recipient: ECKey | OKPKey = field(init=False)
    _agreed: _Agreement | None = None
    _left: int = 0
    _until: float = 0.0

    def __post_init__(self) -> None:
        self._recipient = _imported(self.key)

    def seal(self, content: bytes) -> str:
        """A compact JWE that only the recipient can open."""
        agreed = self._agreement()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = agreed.cipher.encrypt(nonce, content, agreed.associated)
        parts = (nonce, sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:])
        # The second part, an encrypted key, is empty where the key is agreed upon directly.
        return f"{agreed.header}..{'.'.join(map(_base64, parts))}"

    def _agreement(self) -> _Agreement:
        now = self.clock()
        if self._agreed is None or not self._left or now >= self._until:
            self._agreed = _agree(self._recipient, self.key.kid)
            self._left, self._until = self.messages, now + SECONDS
        self._left -= 1
        return self._agreed


def _imported(key: PublicKey) -> ECKey | OKPKey:
    known = key.model_dump(exclude_none=True)
    return ECKey.import_key(known) if key.kty == "EC" else OKPKey.import_key(known)


def _agree(recipient: ECKey | OKPKey, kid: str | None) -> _Agreement:
    ephemeral, shared = _exchanged(recipient)
    header = {"alg": ALG, "enc": ENC, "epk": ephemeral} | ({"kid": kid} if kid else {})
    encoded = _base64(to_json(header))
    return _Agreement(encoded, encoded.encode(), AESGCM(_derived(shared)))


def _exchanged(recipient: ECKey | OKPKey) -> tuple[dict[str, object], bytes]:
    """A fresh key's public half, and the secret that it shares with the recipient's."""
    if isinstance(recipient, ECKey):
        point = ECKey.generate_key("P-256")
        return _public(point), point.exchange_derive_key(recipient)
    number = OKPKey.generate_key("X25519")
    return _public(number), number.exchange_derive_key(recipient)


def _public(key: ECKey | OKPKey) -> dict[str, object]:
    return {name: value for name, value in key.as_dict(private=False).items() if name in _EPK}


def _derived(shared: bytes) -> bytes:
    """The content's key: RFC 7518 4.6.2, with neither party's information, for `ENC`."""
    algorithm = ENC.encode()
    told = struct.pack(">I", len(algorithm)) + algorithm + bytes(8) + struct.pack(">I", _KEY_BYTES * 8)
    return ConcatKDFHash(SHA256(), _KEY_BYTES, told).derive(shared)


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
