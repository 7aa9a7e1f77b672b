"""A key and a certificate for whoever seals messages: P-256, signed by itself, for nobody is above it here.

Agencies of this country will ask for certificates of an authority of theirs, and some for SM2: then theirs take the
place of these, in `secrets.json` and `notifiers.toml`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALID_FOR: Final = timedelta(days=3650)
_CLOCKS_DIFFER: Final = timedelta(days=1)


def identity(name: str) -> dict[str, str]:
    """A fresh one for somebody, both parts as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + _VALID_FOR)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"key": private.decode(), "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode()}
