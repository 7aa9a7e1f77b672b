"""Business messages as banks exchange them: a header after ISO 20022's head.001, and one document.

Modelled on the public descriptions of ISO 20022: the business application header (head.001.001), the envelope around
header and document (nvlp.001.001), the rejection of a message (admi.002.001) and the receipt of one (admi.007.001),
and its dictionary of abbreviated names. The definitions of the documents are ours, for there are none for loans on
cars, and so are the namespaces, which say it. The header's identifier is our key: 36 characters, theirs have 35.

A receipt only says that a message was taken in; its answer is a message of its own, which names by `Rltd` what it
answers. A rejection is an answer like any other: HTTP knows nothing of it. A document holds one element, all of it in
the namespace of its definition: a decision beside a rejection is neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Final

from adapters.spec import UNREADABLE, Endpoint, Json, Letter, Reply, Sent, Style, code_of

from . import xml

NAMESPACE: Final = "urn:tongche:simulated:banks"
"""Ours: no bank uses it."""
US: Final = "91310115MATNGCHE3G"
"""The code under which we send, made up like those of all organisations here."""
RECEIPT: Final = "RctAck"
REJECTION: Final = "MsgRjct"
_DEFINED: Final = {RECEIPT: "tcal.090.001.01", REJECTION: "tcal.091.001.01"}
"""The definitions of the two documents that may come of any message; those of answers are the adapter's business."""


@dataclass(frozen=True, slots=True)
class Iso20022:
    """XML in UTF-8. `Endpoint.action` and `Endpoint.answer` are the definitions of a message and of its answer.

    A body is what stands in the document.
    """

    style: ClassVar[Style] = Style(
        "iso20022", "ISO 20022 式 XML，双向签名，事后回调", "ISO 20022-like XML, sealed both ways, called back"
    )

    def written(self, endpoint: Endpoint, body: Json, sent: Sent) -> Letter:
        """From us to the organisation, by its own code."""
        header = {
            "Fr": _party(US),
            "To": _party(code_of(sent.organisation)),
            "BizMsgIdr": sent.key,
            "MsgDefIdr": endpoint.action,
            "CreDt": sent.at.isoformat(timespec="milliseconds"),
        }
        message = xml.element("BizMsg", {"AppHdr": header}, NAMESPACE)
        message.append(xml.element("Document", body, f"{NAMESPACE}:{endpoint.action}"))
        return Letter(xml.written(message), {"Content-Type": "application/xml; charset=utf-8"})

    def read(self, status: int, headers: Mapping[str, str], raw: bytes) -> Reply:
        """A receipt is a 202, a rejection a 422, whatever status of success it came with. Never raises.

        Nothing else is a 202: what HTTP accepted and nobody acknowledged would be waited for in vain.
        """
        named = {name.lower(): value for name, value in headers.items()}
        try:
            header, body = _opened(raw)
        except xml.NotXml:
            return Reply(_meant(status, UNREADABLE), UNREADABLE, named)
        return Reply(_meant(status, body), body, named, _answers(header), header["MsgDefIdr"], _sender(header))


ISO20022: Final = Iso20022()


def _party(code: str) -> Json:
    """An organisation by its unified social credit code, as head.001 nests it."""
    return {"OrgId": {"Id": {"OrgId": {"Othr": {"Id": code, "SchmeNm": {"Prtry": "USCC"}}}}}}


def _opened(raw: bytes) -> tuple[Json, Json]:
    """What stands in the header, and in a document of the definition that the header names.

    Raises `NotXml`, also for a message to somebody else: its seal may be right, and it is none of our business.
    """
    message = xml.tree(raw)
    header = xml.content(_only(message, f"{{{NAMESPACE}}}AppHdr"))
    if not isinstance(header, dict) or header.get("To") != _party(US):
        raise xml.NotXml("not-to-us")
    definition = header.get("MsgDefIdr")
    if not isinstance(definition, str) or not definition:
        raise xml.NotXml("no-definition")
    own = f"{{{NAMESPACE}:{definition}}}"
    document = _only(message, f"{own}Document")
    if len(document) != 1 or not all(each.tag.startswith(own) for each in document.iter()):
        raise xml.NotXml("not-one-element")
    body = xml.content(document)
    name = next(iter(body))
    if definition != _DEFINED.get(name, definition) or (name not in _DEFINED and definition in _DEFINED.values()):
        raise xml.NotXml("not-of-its-definition")
    return header, body


def _only(message: xml.Element, name: str) -> xml.Element:
    # Not `findall`: a name that somebody else chose would be a path there.
    found = [child for child in message if child.tag == name]
    if message.tag != f"{{{NAMESPACE}}}BizMsg" or len(found) != 1:
        raise xml.NotXml("not-a-business-message")
    return found[0]


def _meant(status: int, body: Json) -> int:
    if status not in range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES):
        return status
    if not isinstance(body, dict):
        return HTTPStatus.OK
    if RECEIPT in body:
        return HTTPStatus.ACCEPTED
    return HTTPStatus.UNPROCESSABLE_ENTITY if REJECTION in body else HTTPStatus.OK


def _sender(header: Json) -> str:
    """The code of who says that he sent it; nothing where it is nested in another way than `_party` does."""
    sender = code = header.get("Fr")
    for step in ("OrgId", "Id", "OrgId", "Othr", "Id"):
        code = code.get(step) if isinstance(code, dict) else None
    return code if isinstance(code, str) and sender == _party(code) else ""


def _answers(header: Json) -> str | None:
    related = header.get("Rltd")
    key = related.get("BizMsgIdr") if isinstance(related, dict) else None
    return key if isinstance(key, str) else None
