"""What the traffic police's platform hears and says, read and written by hand and by no code that is tested."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_plus
from xml.sax.saxutils import escape

from lxml import etree

CONTENT_TYPE: Final = "text/xml; charset=utf-8"
_ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"


def heard(raw: bytes) -> dict[str, str]:
    """The fields of the record that a request carries."""
    (call,) = etree.fromstring(raw)[0]
    root = etree.fromstring((call[-1].text or "").partition("?>")[2])
    return {field.tag: unquote_plus(field.text or "") for field in root[-1]}


def said(code: str = "1", **record: str) -> bytes:
    """An answer with a code, and with a record if it has fields."""
    fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in record.items())
    body = f'<veh id="0">{fields}</veh>' if fields else ""
    document = f'<?xml version="1.0" encoding="GBK"?><root><head><code>{code}</code></head><body>{body}</body></root>'
    return (
        f'<soapenv:Envelope xmlns:soapenv="{_ENVELOPE}"><soapenv:Body><writeObjectOutResponse>'
        f"<writeObjectOutReturn>{escape(document)}</writeObjectOutReturn>"
        "</writeObjectOutResponse></soapenv:Body></soapenv:Envelope>"
    ).encode()
