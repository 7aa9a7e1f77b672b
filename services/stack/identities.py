"""A key and a certificate for whoever seals messages: P-256, signed by itself, for nobody is above it here.

Agencies of this country will ask for certificates of an authority of theirs, and some for SM2: then theirs take the
place of these, in `secrets.json` and `notifiers.toml`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contracts.numbers.errors import Sentence

_VALID_FOR: Final = timedelta(days=3650)
_CLOCKS_DIFFER: Final = timedelta(days=1)
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n?", re.DOTALL)


class Unusable(ValueError):
    """A file that is no key or certificate with which anything could be proved, and why, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.why = Sentence(zh, en)


class Certificate(NamedTuple):
    """What people are told of one."""

    sha256: str
    since: datetime
    until: datetime

    def left(self, now: datetime) -> timedelta:
        """For how long it is still valid; negative once it is not."""
        return self.until - now


def identity(name: str, valid_for: timedelta = _VALID_FOR) -> dict[str, str]:
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
        .not_valid_after(now + valid_for)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"key": private.decode(), "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode()}


def given(text: str) -> dict[str, str]:
    """One that an authority has certified, from a file with a key and its certificate as PEM.

    Raises `Unusable` where it is not that, or the key is none with which we can seal.
    """
    private, certificate = _block(text, "PRIVATE KEY"), _block(text, "CERTIFICATE")
    try:
        key = serialization.load_pem_private_key(private.encode(), None)
    except TypeError:
        raise Unusable("私钥有口令保护", "the key is locked by a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unusable("其中没有可读的 PEM 私钥", "it holds no private key as PEM that can be read") from None
    if getattr(getattr(key, "curve", None), "name", "") != ec.SECP256R1.name:
        raise Unusable("须为 P-256 的密钥", "a key on P-256 is needed")
    if _loaded(certificate).public_key() != key.public_key():
        raise Unusable("证书与私钥不是一对", "the certificate is another key's")
    return {"key": private, "certificate": certificate}


def _block(text: str, kind: str) -> str:
    """The first of a kind: of a chain of certificates the holder's own."""
    return next((match[0] for match in _BLOCK.finditer(text) if match[1].endswith(kind)), "")


def read(pem: str) -> Certificate:
    """What a certificate says of itself. Raises `Unusable`."""
    one = _loaded(pem)
    return Certificate(one.fingerprint(hashes.SHA256()).hex(), one.not_valid_before_utc, one.not_valid_after_utc)


def _loaded(pem: str) -> x509.Certificate:
    """A certificate. Raises `Unusable`."""
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise Unusable("其中没有可读的 PEM 证书", "it holds no certificate as PEM that can be read") from None


def ssh_line(pem: str, comment: str) -> str:
    """The key of a certificate as OpenSSH writes it, to be entered where somebody is let in by his key."""
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    written = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{written.decode()} {comment}"


def host_key(text: str) -> str:
    """A host's key as OpenSSH writes it, on one line without a comment. Raises `Unusable`."""
    kind, key, *_ = (*text.split(), "", "")
    try:
        serialization.load_ssh_public_key(f"{kind} {key}".encode())
    except (ValueError, UnsupportedAlgorithm):
        raise Unusable("其中没有 OpenSSH 格式的公钥", "it holds no public key as OpenSSH writes it") from None
    return f"{kind} {key}"
