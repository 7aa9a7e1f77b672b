"""Seals by a detached JWS over the body, in a header (RFC 7515, appendix F): ES256, with the key of our certificate.

The JWS names the certificate by its SHA-256 (`x5t#S256`), so whoever verifies may know several, and one can take over
from another while messages are under way. The name proves nothing: only a certificate that is known already does.

Agencies of this country will ask for SM2 with SM3 instead; no registered algorithm names them, so that waits for an
interface that says how.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from adapters.spec import Letter
from services.runtime.settings import Identity

from .certificates import KEPT, UNKNOWN, lapsed, read
from .seal import Forged

HEADER: Final = "x-jws-signature"
_ALGORITHM: Final = "ES256"
_LONGEST: Final = 4096
_NAME: Final = "x5t#S256"


@dataclass(frozen=True, slots=True)
class Jws:
    """Our seal, and those of one organisation. `certificates` gives what it may sign with, as PEM."""

    ours: Identity
    certificates: Callable[[], Sequence[str]]

    def sealed(self, letter: Letter) -> Letter:
        """The signature covers the bytes of the body as they are sent."""
        header = {"alg": _ALGORITHM, _NAME: _certified(self.ours.certificate).name}
        made = jws.serialize_compact(header, letter.raw, _private(self.ours.key))
        return Letter(letter.raw, {**letter.headers, HEADER: jws.detach_content(made)})

    def opened(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        """The body. Raises `Forged`."""
        signature = headers.get(HEADER, "")
        if not signature or len(signature) > _LONGEST:
            raise Forged("no-signature")
        # The library would believe a content that came along with the signature, and not look at the body.
        if ".." not in signature:
            raise Forged("not-detached")
        try:
            named = jws.extract_compact(signature.encode(), raw).protected.get(_NAME)
        except (JoseError, ValueError, RecursionError):
            raise Forged(UNKNOWN) from None
        reason = UNKNOWN
        # Whoever names none is tried with all of them; there are two at most.
        for one in map(_certified, self.certificates()):
            if named in (None, one.name) and _is_by(one.key, signature, raw):
                why = lapsed(one.certificate)
                if why is None:
                    return raw
                reason = why
        raise Forged(reason)


@dataclass(frozen=True, slots=True)
class _Certified:
    """A certificate, its public key and its name."""

    certificate: x509.Certificate
    key: ECKey
    name: str


@lru_cache(KEPT)
def _certified(certificate: str) -> _Certified:
    one = read(certificate)
    public = one.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    name = urlsafe_b64encode(one.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
    return _Certified(one, ECKey.import_key(public), name)


@lru_cache(KEPT)
def _private(key: str) -> ECKey:
    return ECKey.import_key(key)


def _is_by(key: ECKey, signature: str, raw: bytes) -> bool:
    try:
        jws.deserialize_compact(signature, key, algorithms=[_ALGORITHM], payload=raw)
    except (JoseError, ValueError):
        return False
    return True
