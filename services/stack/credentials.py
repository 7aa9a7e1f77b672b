"""What an installation must not share with any other: the key secret, the operator's login, everybody's tokens."""

from __future__ import annotations

import hashlib
import json
import secrets
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from services.stack.data import DataFolder, write, write_json

_DEFAULT = Path(__file__).with_name("publishers.default.toml")
_HEADER = """\
# Who may publish, with what: a token's SHA-256 is here, the token itself went to its owner
# (those generated here lie in secrets.json under publisher_tokens).
"""
_NOTIFIERS_HEADER = """\
# Which organisations may give notice, with what: a token's SHA-256 is here, the token itself went to its owner
# (those generated here lie in secrets.json under organisation_tokens).
"""


def ensure(folder: DataFolder) -> None:
    """Generate what is not there yet. What is there stays: a person may have changed it."""
    before = _stored(folder)
    if _fresh().keys() - before.keys():
        # An installation of an earlier version keeps what it has, and gets what it lacks.
        write_json(folder.secrets, _fresh() | before)
    # Secrets first, so that a crash between them leaves no token that nobody knows.
    if not folder.publishers.exists():
        write(folder.publishers, _publishers(publisher_tokens(folder)))
    if not folder.notifiers.exists():
        write(folder.notifiers, _notifiers(organisation_tokens(folder)))


def publisher_tokens(folder: DataFolder) -> dict[str, str]:
    """Publisher name → token, for those whose token was generated here."""
    tokens: dict[str, str] = _stored(folder)["publisher_tokens"]
    return tokens


def organisation_tokens(folder: DataFolder) -> dict[str, str]:
    """Organisation → the token with which it gives notice, for those whose token was generated here."""
    tokens: dict[str, str] = _stored(folder)["organisation_tokens"]
    return tokens


def _stored(folder: DataFolder) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(folder.secrets.read_bytes()) if folder.secrets.exists() else {}
    return stored


def _fresh() -> dict[str, Any]:
    return {
        "key_secret": secrets.token_hex(32),
        "operator_user": "operator",
        "operator_password": secrets.token_urlsafe(12),
        "operator_token": secrets.token_urlsafe(32),
        "publisher_tokens": _tokens(entry["name"] for entry in _defaults()),
        "organisation_tokens": _tokens(_organisations()),
    }


def _tokens(names: Iterable[str]) -> dict[str, str]:
    return {name: secrets.token_urlsafe(32) for name in names}


def _organisations() -> list[str]:
    # Read as data: the adapters' own reader would load all of them, and `up` should be quick.
    text = (files("adapters") / "organisations.toml").read_text(encoding="utf-8")
    return [row["id"] for row in tomllib.loads(text)["organisation"]]


def _defaults() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = tomllib.loads(_DEFAULT.read_text(encoding="utf-8"))["publishers"]
    return entries


def _publishers(tokens: dict[str, str]) -> str:
    entries = ({**entry, "token_sha256": _sha256(tokens[entry["name"]])} for entry in _defaults())
    return "\n".join((_HEADER, *(_table("publishers", entry) for entry in entries)))


def _notifiers(tokens: dict[str, str]) -> str:
    entries = ({"organisation": name, "token_sha256": _sha256(token)} for name, token in tokens.items())
    return "\n".join((_NOTIFIERS_HEADER, *(_table("notifiers", entry) for entry in entries)))


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _table(name: str, entry: dict[str, Any]) -> str:
    # JSON's strings and lists of strings are TOML's too.
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items())
    return "\n".join((f"[[{name}]]", *lines, ""))
