"""Seals by a detached JWS over the body, in a header (RFC 7515, appendix F): ES256, with the key of our certificate.

Agencies of this country will ask for SM2 with SM3 instead; no registered algorithm names them, so that waits for an
interface that says how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from adapters.spec import Letter
from services.runtime.settings import Identity

from .seal import Forged

HEADER: Final = "x-jws-signature"
_ALGORITHM: Final = "ES256"
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Jws:
    """Our seal, and those of one organisation. `certificates` gives what it may sign with, as PEM."""

    ours: Identity
    certificates: Callable[[], Sequence[str]]

    def sealed(self, letter: Letter) -> Letter:
        """The signature covers the bytes of the body as they are sent."""
        made = jws.serialize_compact({"alg": _ALGORITHM}, letter.raw, ECKey.import_key(self.ours.key))
        return Letter(letter.raw, {**letter.headers, HEADER: jws.detach_content(made)})

    def opened(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        """The body. Raises `Forged`."""
        signature = headers.get(HEADER, "")
        if not signature or len(signature) > _LONGEST:
            raise Forged("no-signature")
        for certificate in self.certificates():
            if _is_by(certificate, signature, raw):
                return raw
        raise Forged("signature")


def _is_by(certificate: str, signature: str, raw: bytes) -> bool:
    public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    key = ECKey.import_key(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    try:
        jws.deserialize_compact(signature, key, algorithms=[_ALGORITHM], payload=raw)
    except (JoseError, ValueError):
        return False
    return True
