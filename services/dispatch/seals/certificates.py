"""Certificates by which somebody is known, and whether one may prove anything now."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography import x509

from services.runtime.clock import Clock

KEPT: Final = 256
"""Keys and certificates that are kept as they were read: to read one costs more than to sign."""
UNKNOWN: Final = "signature"
"""Why nothing is proved where nobody whom we know has sealed it."""


@lru_cache(KEPT)
def read(pem: str) -> x509.Certificate:
    """A certificate as it is entered."""
    return x509.load_pem_x509_certificate(pem.encode())


def lapsed(certificate: x509.Certificate) -> str | None:
    """Why it proves nothing at this moment, if it does not: whoever let it expire is told so, and is no forger.

    Whatever the date of business, certificates are of the world outside and go by its clock.
    """
    now = Clock().now()
    if now > certificate.not_valid_after_utc:
        return "certificate-expired"
    return "certificate-not-yet-valid" if now < certificate.not_valid_before_utc else None
