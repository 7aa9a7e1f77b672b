"""Whether a broker is there at all: asked by hand, apart from every client that may itself be stuck."""

from __future__ import annotations

import socket
import struct
from typing import Final

_METADATA: Final = 3
REQUEST_S: Final = 10.0
"""So long may a client's request to a broker stay without an answer."""
_TIMEOUT_S: Final = 1.0


def serves(bootstrap: str, timeout: float = _TIMEOUT_S) -> bool:
    """Whether any of these brokers names at least one live broker: an open port alone proves nothing.

    Spoken by hand (Metadata, version 1, no topics), because a client library would retry, log and cost its import.
    """
    return any(_serves(address.strip(), timeout) for address in bootstrap.split(","))


def _serves(address: str, timeout: float) -> bool:
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        return False
    request = struct.pack(">hhih7si", _METADATA, 1, 1, len(b"tongche"), b"tongche", 0)
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                head = answer.read(12)
    except OSError:
        return False
    # Size, correlation, number of brokers.
    return len(head) == struct.calcsize(">iii") and struct.unpack(">iii", head)[2] > 0
