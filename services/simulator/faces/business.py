"""Business messages on the wire, as the simulated banks read, write, check and sign them: no code of ours beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import InvalidInput, InvalidSignature
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from services.runtime.settings import Identity

NAMESPACE: Final = "urn:tongche:simulated:banks"
Content = Mapping[str, Any]
"""An element's children by name, in their order: texts, or elements again. `Ccy` of an amount is an attribute."""

_ATTRIBUTE: Final = "Ccy"
_DEEPEST: Final = 24
_DEMANDED: Final = SignatureConfiguration(
    require_x509=True,
    expect_references=1,
    location="./",
    signature_methods=frozenset({SignatureMethod.ECDSA_SHA256}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
)
_OF_PARTY: Final = "{*}OrgId/{*}Id/{*}OrgId/{*}Othr/{*}Id"


class NoMessage(ValueError):
    """Bytes that are no business message."""


class NotSealed(ValueError):
    """Nobody whom the bank knows signed the message, or not all of it."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the header says, as far as anybody here looks at it: parties by their codes."""

    sender: str
    receiver: str
    key: str
    definition: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it came, its document as an element."""

    header: Header
    document: etree._Element


def parsed(raw: bytes) -> etree._Element:
    """The root of a document without a type and without depths. Raises `NoMessage`."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True)
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise NoMessage from None
    if etree.ElementTree(root).docinfo.internalDTD is not None or any(_depth(leaf) > _DEEPEST for leaf in root.iter()):
        raise NoMessage
    return root


def opened(root: etree._Element, certificate: str) -> etree._Element:
    """What was signed, which must be all of it. Raises `NotSealed`."""
    try:
        found = XMLVerifier().verify(root, x509_cert=certificate, expect_config=_DEMANDED)
    except (InvalidSignature, InvalidInput, etree.LxmlError, ValueError):
        raise NotSealed from None
    signed = None if isinstance(found, list) else found.signed_xml
    if signed is None or signed.tag != root.tag:
        raise NotSealed
    return signed


def message(root: etree._Element) -> Message:
    """Header and document. Raises `NoMessage`."""
    header = root.find(f"{{{NAMESPACE}}}AppHdr")
    if root.tag != f"{{{NAMESPACE}}}BizMsg" or header is None:
        raise NoMessage
    definition = header.findtext("{*}MsgDefIdr", "")
    documents = [child for child in root if child.tag == f"{{{NAMESPACE}:{definition}}}Document"]
    if len(documents) != 1:
        raise NoMessage
    sender, receiver = (header.findtext(f"{{*}}{side}/{_OF_PARTY}", "") for side in ("Fr", "To"))
    return Message(Header(sender, receiver, header.findtext("{*}BizMsgIdr", ""), definition), documents[0])


def written(header: Header, related: str, at: str, body: Content) -> etree._Element:
    """A message that answers another; `at` is a moment of ISO 8601."""
    root = etree.Element(f"{{{NAMESPACE}}}BizMsg", nsmap={None: NAMESPACE})  # type: ignore[dict-item]
    head = {
        "Fr": _party(header.sender),
        "To": _party(header.receiver),
        "BizMsgIdr": header.key,
        "MsgDefIdr": header.definition,
        "CreDt": at,
        "Rltd": {"BizMsgIdr": related},
    }
    _fill(etree.SubElement(root, f"{{{NAMESPACE}}}AppHdr"), head, NAMESPACE)
    own = f"{NAMESPACE}:{header.definition}"
    _fill(etree.SubElement(root, f"{{{own}}}Document", nsmap={None: own}), body, own)  # type: ignore[dict-item]
    return root


def about(root: etree._Element, key: str) -> etree._Element:
    """The same message, as the answer to another one."""
    related = root.find("{*}AppHdr/{*}Rltd/{*}BizMsgIdr")
    if related is not None:
        related.text = key
    return root


def plain(root: etree._Element, encoding: str = "UTF-8") -> bytes:
    """A message as bytes."""
    into = BytesIO()
    etree.ElementTree(root).write(into, encoding=encoding, xml_declaration=True)
    return into.getvalue()


def sealed(root: etree._Element, identity: Identity) -> bytes:
    """A message under somebody's signature, as bytes, in the encoding in which it came if it came from anywhere."""
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=SignatureMethod.ECDSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(root, key=identity.key, cert=identity.certificate)
    return plain(signed, etree.ElementTree(root).docinfo.encoding or "UTF-8")


def _depth(element: etree._Element) -> int:
    return sum(1 for _ in element.iterancestors())


def _party(code: str) -> Content:
    return {"OrgId": {"Id": {"OrgId": {"Othr": {"Id": code, "SchmeNm": {"Prtry": "USCC"}}}}}}


def _fill(element: etree._Element, content: Content | str, namespace: str) -> None:
    if isinstance(content, str):
        element.text = content
        return
    for name, inner in content.items():
        if name == _ATTRIBUTE:
            element.set(name, inner)
        elif name == "":
            element.text = inner
        else:
            _fill(etree.SubElement(element, f"{{{namespace}}}{name}"), inner, namespace)
