"""Seals by an enveloped XML signature with exclusive canonical XML and ECDSA over SHA-256, and nothing weaker.

Only what was signed is given back, never the document that came: what stands beside it proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import InvalidInput, InvalidSignature
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from adapters.bindings.xml import NotXml, tree
from adapters.spec import Letter
from services.runtime.settings import Identity

from .certificates import UNKNOWN, lapsed, read
from .seal import Forged

_CONFIGURATION: Final = SignatureConfiguration(
    require_x509=True,
    location="./",
    expect_references=1,
    signature_methods=frozenset({SignatureMethod.ECDSA_SHA256}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
)
_REFERENCE: Final = "./{http://www.w3.org/2000/09/xmldsig#}SignedInfo/{http://www.w3.org/2000/09/xmldsig#}Reference"
_WHOLE: Final = ""
"""How a signature says that it is about the document that it stands in."""


@dataclass(frozen=True, slots=True)
class XmlSignature:
    """Our seal, and those of one organisation. `certificates` gives what it may sign with, as PEM."""

    ours: Identity
    certificates: Callable[[], Sequence[str]]

    def sealed(self, letter: Letter) -> Letter:
        """The signature is the document's last child."""
        signer = XMLSigner(
            method=SignatureConstructionMethod.enveloped,
            signature_algorithm=SignatureMethod.ECDSA_SHA256,
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        signed = signer.sign(tree(letter.raw), key=self.ours.key, cert=self.ours.certificate)
        return Letter(etree.tostring(signed, encoding="utf-8", xml_declaration=True), letter.headers)

    def opened(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        """The signed document without its signature. Raises `Forged`."""
        del headers
        try:
            came = tree(raw)
        except NotXml as wrong:
            raise Forged(f"not-xml:{wrong}") from None
        reason = UNKNOWN
        for certificate in map(read, self.certificates()):
            signed = _signed_by(certificate, came)
            if signed is not None:
                why = lapsed(certificate)
                if why is None:
                    return signed
                reason = why
        raise Forged(reason)


def _signed_by(certificate: x509.Certificate, came: etree._Element) -> bytes | None:
    # Whether it is too old the library would say before it looks at the seal, and in the same words as of a forgery.
    always = replace(_CONFIGURATION, verification_time=certificate.not_valid_before_utc)
    try:
        found = XMLVerifier().verify(came, x509_cert=certificate, expect_config=always)
    except (InvalidSignature, InvalidInput, etree.LxmlError, ValueError):
        return None
    # Only the whole document will do: a signed part of it could stand in another context than the signer meant.
    one = found[0] if isinstance(found, list) else found
    reference = one.signature_xml.find(_REFERENCE)
    if one.signed_xml is None or reference is None or reference.get("URI") != _WHOLE:
        return None
    return etree.tostring(one.signed_xml, encoding="utf-8", xml_declaration=True)
