"""Seals: who sealed a message can be told, and nothing can be put under somebody's seal."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from adapters.spec import Letter, Seal
from services.dispatch.seals.agreed import US, agreed
from services.dispatch.seals.jws import HEADER, Jws
from services.dispatch.seals.seal import UNSEALED, Forged, Sealing
from services.dispatch.seals.xmldsig import XmlSignature
from services.runtime.settings import Identity
from services.stack.identities import identity

BANK, OTHER = (Identity.model_validate(identity(name)) for name in ("bank", "other"))
WORDS = "<Document><Rslt>A</Rslt><Nm>王样本</Nm></Document>".encode()
Make = Callable[[Identity, Callable[[], Sequence[str]]], Sealing]
SEALS: dict[str, Make] = {"jws": Jws, "xmldsig": XmlSignature}


@pytest.fixture(params=list(SEALS))
def make(request: pytest.FixtureRequest) -> Make:
    """Each way of sealing."""
    return SEALS[request.param]


def _sealed(make: Make, who: Identity) -> Letter:
    return make(who, list).sealed(Letter(WORDS, {"Content-Type": "application/xml"}))


def _open(make: Make, letter: Letter, *known: Identity) -> bytes:
    headers = {name.lower(): value for name, value in letter.headers.items()}
    return make(OTHER, lambda: [one.certificate for one in known]).opened(headers, letter.raw)


def test_what_somebody_sealed_is_theirs(make: Make) -> None:
    """Also while one certificate takes over from another."""
    opened = _open(make, _sealed(make, BANK), OTHER, BANK)
    assert etree.tostring(etree.fromstring(opened), method="c14n") == WORDS


@pytest.mark.parametrize("known", [(), (OTHER,)], ids=["nobody", "somebody else"])
def test_whoever_is_not_known_proves_nothing(make: Make, known: tuple[Identity, ...]) -> None:
    """Also not by a certificate that comes along with the message."""
    with pytest.raises(Forged):
        _open(make, _sealed(make, BANK), *known)


def test_a_changed_word_breaks_the_seal(make: Make) -> None:
    """A decision turned into its opposite is nobody's."""
    sealed = _sealed(make, BANK)
    with pytest.raises(Forged):
        _open(make, Letter(sealed.raw.replace(b">A<", b">R<"), sealed.headers), BANK)


def test_a_jws_names_its_certificate() -> None:
    """By its SHA-256, so that whoever knows several picks the right one while one takes over from another."""
    head = json.loads(_decoded(_sealed(Jws, BANK).headers[HEADER].partition(".")[0]))
    fingerprint = x509.load_pem_x509_certificate(BANK.certificate.encode()).fingerprint(hashes.SHA256())
    assert _decoded(head["x5t#S256"]) == fingerprint
    assert head["alg"] == "ES256"


def test_a_named_certificate_is_the_only_one_that_proves() -> None:
    """One key under two certificates: who names the one that is not known any more is nobody."""
    renewed = Identity.model_validate({"key": BANK.key, "certificate": OTHER.certificate})
    with pytest.raises(Forged):
        _open(Jws, _sealed(Jws, renewed), BANK)


@pytest.mark.parametrize("head", [b"[" * 2_500, b"null", b"[]", b'{"alg":"ES256","x5t#S256":["a"]}', b"\xff"], ids=repr)
def test_a_head_that_is_none_proves_nothing(head: bytes) -> None:
    """However deep it is nested, or whatever stands in it."""
    _, _, signature = _sealed(Jws, BANK).headers[HEADER].split(".")
    told = base64.urlsafe_b64encode(head).rstrip(b"=").decode()
    with pytest.raises(Forged):
        _open(Jws, Letter(WORDS, {HEADER: f"{told}..{signature}"}), BANK)


def test_a_signature_that_brings_its_own_content_proves_nothing_about_the_body() -> None:
    """Overheard words, well signed, beside a body of somebody else's."""
    head, _, signature = _sealed(Jws, BANK).headers[HEADER].split(".")
    whole = f"{head}.{base64.urlsafe_b64encode(WORDS).rstrip(b'=').decode()}.{signature}"
    for body in (b"<Document>forged</Document>", WORDS):
        with pytest.raises(Forged, match="^not-detached$"):
            _open(Jws, Letter(body, {HEADER: whole}), BANK)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_an_unsealed_message_is_nobodys(make: Make) -> None:
    """Nor is one with a seal that is none, or with another algorithm."""
    for headers in ({}, {HEADER: "a.b.c"}, {HEADER: "eyJhbGciOiJub25lIn0.."}, {HEADER: "x" * 100_000}):
        with pytest.raises(Forged):
            _open(make, Letter(WORDS, headers), BANK)


@pytest.mark.parametrize("raw", [b"", b"\x00", b"<a>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_what_is_no_document_has_no_seal(raw: bytes) -> None:
    """And is not looked at any further."""
    with pytest.raises(Forged):
        _open(XmlSignature, Letter(raw, {}), BANK)


def test_a_sealed_document_within_another_is_not_the_other() -> None:
    """What stands around a signed part was not signed: the oldest trick with XML signatures."""
    inner = etree.fromstring(_sealed(XmlSignature, BANK).raw)
    outer = etree.fromstring(b"<Document><Rslt>R</Rslt></Document>")
    outer.append(inner)
    for forged in (outer, _with_signature_of(inner, outer)):
        with pytest.raises(Forged):
            _open(XmlSignature, Letter(etree.tostring(forged), {}), BANK)


def _with_signature_of(inner: etree._Element, outer: etree._Element) -> etree._Element:
    """The signature moved to where ours would stand, the signed document behind it."""
    signature = inner.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
    assert signature is not None
    outer.append(signature)
    return outer


def test_a_sealed_part_of_the_same_name_is_not_the_document() -> None:
    """What the bank sealed says nothing about what somebody wrote around it, whatever that is called."""
    around = etree.fromstring(b'<Document><Rslt>R</Rslt><Document Id="part"><Rslt>A</Rslt></Document></Document>')
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=SignatureMethod.ECDSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(around, key=BANK.key, cert=BANK.certificate, reference_uri="#part")
    with pytest.raises(Forged, match="^signature$"):
        _open(XmlSignature, Letter(etree.tostring(signed), {}), BANK)


def _valid(who: Identity, since: timedelta, until: timedelta) -> Identity:
    """Somebody with the same key, under a certificate for another time."""
    now, was = datetime.now(UTC), x509.load_pem_x509_certificate(who.certificate.encode())
    certificate = (
        x509.CertificateBuilder(was.issuer, was.subject, was.public_key(), was.serial_number)
        .not_valid_before(now + since)
        .not_valid_after(now + until)
        .sign(load_pem_private_key(who.key.encode(), None), hashes.SHA256())  # type: ignore[arg-type]
    )
    return Identity(key=who.key, certificate=certificate.public_bytes(Encoding.PEM).decode())


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [(-2 * DAY, -DAY, "certificate-expired"), (DAY, 2 * DAY, "certificate-not-yet-valid")],
    ids=["expired", "not yet valid"],
)
def test_a_certificate_proves_something_in_its_time_only(
    make: Make, since: timedelta, until: timedelta, why: str
) -> None:
    """Whoever let it expire is told so, in either way of sealing; who forges learns nothing by it."""
    other_time = _valid(BANK, since, until)
    with pytest.raises(Forged, match=f"^{why}$"):
        _open(make, _sealed(make, other_time), other_time)
    with pytest.raises(Forged, match="^signature$"):
        _open(make, _sealed(make, OTHER), other_time)


def test_a_renewed_certificate_of_the_same_key_takes_over() -> None:
    """Both are known for a while, in whatever order, and the one that has expired is in nobody's way."""
    expired = _valid(BANK, -2 * DAY, -DAY)
    for known in ((expired, BANK), (BANK, expired)):
        assert _open(XmlSignature, _sealed(XmlSignature, BANK), *known)


def test_where_nothing_is_agreed_nothing_is_proved() -> None:
    """An agency without a seal cannot bring anything to our door."""
    assert UNSEALED.sealed(Letter(b"x", {})) == Letter(b"x", {})
    with pytest.raises(Forged):
        UNSEALED.opened({}, b"x")


@pytest.mark.parametrize("way", ["jws", "xmldsig"])
def test_the_next_message_is_sealed_with_the_key_that_is_ours_then(way: Seal) -> None:
    """A key is exchanged while everything runs; without any there is nothing to begin with."""
    keys = {US: BANK}
    seal = agreed(way, keys, list)
    before = seal.sealed(Letter(WORDS, {}))
    keys[US] = OTHER
    after = seal.sealed(Letter(WORDS, {}))
    make = SEALS[way]
    for letter, by, not_by in ((before, BANK, OTHER), (after, OTHER, BANK)):
        assert _open(make, letter, by)
        with pytest.raises(Forged):
            _open(make, letter, not_by)
    with pytest.raises(LookupError):
        agreed(way, {}, list)
