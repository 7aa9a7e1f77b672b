"""Documents put down as files, and receipts to be fetched: one XML document a message, known by the name of its file.

Modelled on what is publicly described of the exchange between an enterprise's import client and the single window for
international trade: folders OutBox and InBox, an XML message a declaration with a part for the declaration's head, its
goods and its licences, receipts with a response code and the client's own number. Invented are the head that all
messages share (type, id, sender, moment), the receipt's reference to the message that it answers, the names of files
and of the namespace, and that all this travels by SFTP: which interface is agreed, the single window says to each
enterprise by itself.

A file is called `<type>_<message id>.xml`, its receipt `<message id>.xml`; the message id is our idempotency key. The
carrier learns both names from the letter's headers, and says in HTTP's numbers how far it has come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Final

from adapters.reading import CHINA
from adapters.spec import UNREADABLE, Endpoint, Json, Letter, Reply, Sent, Style

from . import xml

FILE: Final = "file-name"
"""The header that names the file that a message is, or was."""
RECEIPT: Final = "receipt-name"
"""The header that names its receipt."""
MESSAGE_ID: Final = "MessageId"
CODE: Final = "returnCode"
"""Where a receipt's body says how it went."""


@dataclass(frozen=True, slots=True)
class Files:
    """One document's name, its receipt's, and their namespace; `sender` is our USCC.

    `unknown` is the agency's own code for what it does not know, which stands for a file of which there is no trace.
    """

    style: ClassVar[Style] = Style(
        "files", "SFTP 上的 XML 文件，回执文件", "XML files by SFTP, receipts as files", "sftp"
    )

    document: str
    receipt: str
    namespace: str
    sender: str
    unknown: str

    def written(self, endpoint: Endpoint, body: Json, sent: Sent) -> Letter:
        """A document to put down; by GET the names of one that was. Raises ValueError for one without a message id."""
        key = body[MESSAGE_ID] if endpoint.method == "GET" else sent.key
        if key is None:
            message = "a file has a name, and it is its message's id"
            raise ValueError(message)
        names = {FILE: f"{endpoint.action}_{key}.xml", RECEIPT: f"{key}.xml"}
        if endpoint.method == "GET":
            return Letter(b"", names)
        told = {"MessageHead": self._head(endpoint, key, sent), "MessageBody": body}
        raw = xml.written(xml.element(self.document, told, self.namespace))
        return Letter(raw, {**names, "Content-Type": "application/xml"})

    def read(self, status: int, headers: Mapping[str, str], raw: bytes) -> Reply:
        """Take a receipt, or that there is none. One that is still being written is not there yet. Never raises."""
        told = {name.lower(): value for name, value in headers.items()}
        if status == HTTPStatus.NOT_FOUND:
            return Reply(status, {CODE: self.unknown}, told)
        if status != HTTPStatus.OK:
            return Reply(status, {}, told)
        try:
            found = self._opened(raw)
        except xml.NotXml:
            begun = xml.is_begun(raw)
            return Reply(HTTPStatus.ACCEPTED, {}, told) if begun else Reply(status, UNREADABLE, told)
        return Reply(status, UNREADABLE, told) if found is None else Reply(status, found[1], told, about=found[0])

    def _head(self, endpoint: Endpoint, key: str, sent: Sent) -> dict[str, Json]:
        return {
            MESSAGE_ID: key,
            "MessageType": endpoint.action,
            "SenderCode": self.sender,
            "SendTime": f"{sent.at.astimezone(CHINA):%Y%m%d%H%M%S}",
        }

    def _opened(self, raw: bytes) -> tuple[str, Json] | None:
        """What a receipt answers, and says; None for a document that is none. Raises `NotXml`."""
        root = xml.tree(raw)
        told = xml.content(root)
        if root.tag != f"{{{self.namespace}}}{self.receipt}" or not isinstance(told, dict):
            return None
        head, body = told.get("MessageHead"), told.get("MessageBody")
        about = head.get("RefMessageId") if isinstance(head, dict) else None
        return (about, body) if isinstance(about, str) and about and isinstance(body, dict) else None
