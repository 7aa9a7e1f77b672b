"""What an installation must not share with any other: the key secret, the operator's login, tokens and keys."""

from __future__ import annotations

import hashlib
import json
import secrets
import tomllib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from services.stack.data import DataFolder, write, write_json

_DEFAULT = Path(__file__).with_name("publishers.default.toml")
_SUBSCRIBERS = Path(__file__).with_name("subscribers.default.toml")
_KEY = 'key = "generated"'
_HEADER = """\
# Who may publish, with what: a token's SHA-256 is here, the token itself went to its owner
# (those generated here lie in secrets.json under publisher_tokens).
"""
_NOTIFIERS_HEADER = """\
# Which organisations may give notice, with what: a token's SHA-256 is here, the token itself went to its owner
# (those generated here lie in secrets.json under organisation_tokens). What they seal is proved by their certificates
# (PEM; two while one takes over from the other).
"""


_NOBODY = """\
# Who may read what, and why. This installation is older than subscriptions, so nobody has one yet: docs/subscribers.md
# 本实例早于订阅功能，目前没有订阅方；如何添加见 docs/subscribers.md
subscribers = []
"""


def ensure(folder: DataFolder) -> None:
    """Generate what is not there yet. What is there stays: a person may have changed it."""
    before = _stored(folder)
    # An installation of an earlier version keeps what it has, and gets what it lacks.
    lacking = {name: make() for name, make in _FRESH.items() if name not in before}
    if before and "subscriber_keys" in lacking:
        # Its buyers are not for sample subscribers to see.
        lacking["subscriber_keys"] = {}
    if lacking:
        write_json(folder.secrets, before | lacking)
    # Secrets first, so that a crash between them leaves no token that nobody knows.
    if not folder.publishers.exists():
        write(folder.publishers, _publishers(publisher_tokens(folder)))
    if not folder.notifiers.exists() or _is_before_identities(folder, lacking):
        write(folder.notifiers, _notifiers(organisation_tokens(folder), identities(folder)))
    if not folder.subscribers.exists():
        write(folder.subscribers, _subscribers(subscriber_keys(folder)))


def publisher_tokens(folder: DataFolder) -> dict[str, str]:
    """Publisher name → token, for those whose token was generated here."""
    tokens: dict[str, str] = _stored(folder)["publisher_tokens"]
    return tokens


def organisation_tokens(folder: DataFolder) -> dict[str, str]:
    """Organisation → the token with which it gives notice, for those whose token was generated here."""
    tokens: dict[str, str] = _stored(folder)["organisation_tokens"]
    return tokens


def identities(folder: DataFolder) -> dict[str, dict[str, str]]:
    """Who seals messages here → its private `key` and its `certificate`, as PEM.

    We, as `tongche`, and the organisations whose were generated here, for simulated ones. Who is real keeps its own.
    """
    made: dict[str, dict[str, str]] = _stored(folder)["identities"]
    return made


def _is_before_identities(folder: DataFolder, lacking: dict[str, Any]) -> bool:
    """Whether the notifiers' file is the one that an earlier version generated: one that a person changed stays."""
    return "identities" in lacking and folder.notifiers.read_text(encoding="utf-8") == _notifiers(
        organisation_tokens(folder), {}
    )


def subscriber_keys(folder: DataFolder) -> dict[str, dict[str, str]]:
    """Subscriber → its private JWK, for those whose key was generated here: who is real keeps its own."""
    keys: dict[str, dict[str, str]] = _stored(folder)["subscriber_keys"]
    return keys


def _stored(folder: DataFolder) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(folder.secrets.read_bytes()) if folder.secrets.exists() else {}
    return stored


def _tokens(names: Iterable[str]) -> dict[str, str]:
    return {name: secrets.token_urlsafe(32) for name in names}


def _organisations() -> list[str]:
    # Read as data: the adapters' own reader would load all of them, and `up` should be quick.
    rows = (folder / "organisations.toml" for folder in files("adapters").iterdir())
    tables = [tomllib.loads(file.read_text(encoding="utf-8")) for file in rows if file.is_file()]
    return sorted(row["id"] for table in tables for row in table["organisation"])


def _keys() -> dict[str, dict[str, str]]:
    entries = tomllib.loads(_SUBSCRIBERS.read_text(encoding="utf-8"))["subscribers"]
    return {entry["name"]: _private_key() for entry in entries if "key" in entry}


def _private_key() -> dict[str, str]:
    # Loaded for the first start only: `up` should be quick.
    from cryptography.hazmat.primitives.asymmetric import ec

    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    point = numbers.public_numbers
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": _base64(point.x),
        "y": _base64(point.y),
        "d": _base64(numbers.private_value),
    }


def _signing_key() -> dict[str, str]:
    """An Ed25519 JWK, with which results of the conformance kit are signed."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    private = ed25519.Ed25519PrivateKey.generate()
    halves = {"x": private.public_key().public_bytes_raw(), "d": private.private_bytes_raw()}
    told = {name: urlsafe_b64encode(raw).rstrip(b"=").decode() for name, raw in halves.items()}
    return {"kty": "OKP", "crv": "Ed25519", **told}


def _base64(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()


def _subscribers(keys: dict[str, dict[str, str]]) -> str:
    """The default file, with the public halves of the keys in the order in which they are wanted; without any, none."""
    if not keys:
        return _NOBODY
    text = _SUBSCRIBERS.read_text(encoding="utf-8")
    for key in keys.values():
        text = text.replace(_KEY, f"key = {_public(key)}", 1)
    return text


def _public(key: dict[str, str]) -> str:
    told = ", ".join(f'{name} = "{value}"' for name, value in key.items() if name != "d")
    return f"{{ {told} }}"


def _defaults() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = tomllib.loads(_DEFAULT.read_text(encoding="utf-8"))["publishers"]
    return entries


def _publishers(tokens: dict[str, str]) -> str:
    entries = ({**entry, "token_sha256": _sha256(tokens[entry["name"]])} for entry in _defaults())
    return "\n".join((_HEADER, *(_table("publishers", entry) for entry in entries)))


def _identities() -> dict[str, dict[str, str]]:
    # Loaded for the first start only, as above.
    from services.stack.identities import identity

    return {name: identity(name) for name in ("tongche", *_organisations())}


def _notifiers(tokens: dict[str, str], known: dict[str, dict[str, str]]) -> str:
    entries = (
        {"organisation": name, "token_sha256": _sha256(token)}
        | ({"certificates": [known[name]["certificate"]]} if name in known else {})
        for name, token in tokens.items()
    )
    return "\n".join((_NOTIFIERS_HEADER, *(_table("notifiers", entry) for entry in entries)))


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _table(name: str, entry: dict[str, Any]) -> str:
    # JSON's strings and lists of strings are TOML's too.
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items())
    return "\n".join((f"[[{name}]]", *lines, ""))


_FRESH: dict[str, Callable[[], Any]] = {
    "key_secret": lambda: secrets.token_hex(32),
    "operator_user": lambda: "operator",
    "operator_password": lambda: secrets.token_urlsafe(12),
    "operator_token": lambda: secrets.token_urlsafe(32),
    "publisher_tokens": lambda: _tokens(entry["name"] for entry in _defaults()),
    "organisation_tokens": lambda: _tokens(_organisations()),
    "subscriber_keys": _keys,
    "conformance_key": _signing_key,
    "identities": _identities,
}
"""How each secret is made where there is none yet."""
