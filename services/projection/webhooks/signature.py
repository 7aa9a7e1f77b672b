"""What a receiver knows us by, as Standard Webhooks 1.0.0 (standardwebhooks.com) has it: symmetric, `v1`.

>>> whole = signed([b"0" * 24], "m-1", 1614265330, b"{}")["webhook-signature"]
>>> whole.startswith("v1,"), len(whole)
(True, 47)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

_SHOWN_WITH: Final = "whsec_"


def secret_of(key_secret: bytes, subscriber: str, number: int) -> bytes:
    """A subscriber's secret of that number. It follows from the installation's own secret, so none is kept."""
    return hmac.new(key_secret, f"webhook:{number}:{subscriber}".encode(), hashlib.sha256).digest()


def shown(secret: bytes) -> str:
    """A secret as it is handed over."""
    return _SHOWN_WITH + base64.b64encode(secret).decode()


def signed(secrets: Sequence[bytes], id_: str, at: int, body: bytes) -> Mapping[str, str]:
    """The three headers of one attempt; `at` is its moment in seconds since 1970. One signature for each secret.

    Nobody but us chooses the id, in which no full stop may stand: what is signed has one behind it.
    """
    content = f"{id_}.{at}.".encode() + body
    signatures = (base64.b64encode(hmac.new(one, content, hashlib.sha256).digest()).decode() for one in secrets)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
