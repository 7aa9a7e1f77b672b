"""Whether what a subscriber was shown of a field is what it may see of it."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .subscribers import Sight

SEALED: Final = "sealed"
_TELLING: Final = 5
"""So many characters in a row of a masked value tell too much, unless they are hardly more than zeros."""
_PLAIN: Final = 2
_KEYED: Final = re.compile(r"[0-9a-f]{32}")
_PARTS: Final = 5

Leaves = dict[str, list[Any]]
"""Values by the name of their field, in the order of the message."""


def leaves(value: Any, name: str = "") -> Leaves:
    """The single values of a message's data, those inside groups and lists too."""
    found: Leaves = {}
    for field, one in _walked(value, name):
        found.setdefault(field, []).append(one)
    return found


def _walked(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for inner, one in value.items():
                yield from _walked(one, inner)
        case list():
            for one in value:
                yield from _walked(one, name)
        case _:
            yield name, value


def is_as_seen(sight: Sight, shown: Any, told: Any) -> bool:
    """Whether `shown` is what a sight leaves of `told`, as far as anybody without our keys can say."""
    match sight:
        case "full":
            return type(shown) is type(told) and shown == told
        case "masked":
            return not _tells(str(shown), str(told))
        case "hashed":
            return isinstance(shown, str) and _KEYED.fullmatch(shown) is not None and not _is_unkeyed(shown, str(told))
        case "yes_no":
            return isinstance(shown, bool)


def _tells(shown: str, told: str) -> bool:
    """Whether a mask leaves all of a value, or a telling part of it."""
    size = min(_TELLING, len(told))
    parts = (told[start : start + size] for start in range(len(told) - size + 1))
    return shown == told or any(part in shown for part in parts if len(set(part)) > _PLAIN or size < _TELLING)


def _is_unkeyed(shown: str, told: str) -> bool:
    raw = told.encode()
    digests = (hashlib.new(name, raw, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256"))
    return any(digest.startswith(shown) for digest in digests)


def is_encrypted(token: Any) -> bool:
    """Whether something is sealed by its looks: a compact JWE, its key agreed upon, its content AES-GCM."""
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != _PARTS or not parts[3]:
        return False
    try:
        head: Mapping[str, Any] = json.loads(urlsafe_b64decode(parts[0] + "=="))
    except ValueError:
        return False
    return str(head.get("alg", "")).startswith("ECDH-ES") and head.get("enc") == "A256GCM"
