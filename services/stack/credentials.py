"""What a fresh installation must not share with any other: the key secret, the operator's login, publishers' tokens."""

from __future__ import annotations

import hashlib
import json
import secrets
import tomllib
from pathlib import Path
from typing import Any

from services.stack.data import DataFolder, write, write_json

_DEFAULT = Path(__file__).with_name("publishers.default.toml")
_HEADER = """\
# Who may publish, with what: a token's SHA-256 is here, the token itself went to its owner
# (those generated here lie in secrets.json under publisher_tokens).
"""


def ensure(folder: DataFolder) -> None:
    """Generate what is not there yet. What is there stays: a person may have changed it."""
    if not folder.secrets.exists():
        write_json(folder.secrets, _fresh())
    if not folder.publishers.exists():
        # Secrets first, so that a crash between the two leaves no token that nobody knows.
        write(folder.publishers, _publishers(publisher_tokens(folder)))


def publisher_tokens(folder: DataFolder) -> dict[str, str]:
    """Publisher name → token, for those whose token was generated here."""
    tokens: dict[str, str] = json.loads(folder.secrets.read_bytes())["publisher_tokens"]
    return tokens


def _fresh() -> dict[str, Any]:
    return {
        "key_secret": secrets.token_hex(32),
        "operator_user": "operator",
        "operator_password": secrets.token_urlsafe(12),
        "operator_token": secrets.token_urlsafe(32),
        "publisher_tokens": {entry["name"]: secrets.token_urlsafe(32) for entry in _defaults()},
    }


def _defaults() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = tomllib.loads(_DEFAULT.read_text(encoding="utf-8"))["publishers"]
    return entries


def _publishers(tokens: dict[str, str]) -> str:
    tables = (_table({**entry, "token_sha256": _sha256(tokens[entry["name"]])}) for entry in _defaults())
    return "\n".join((_HEADER, *tables))


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _table(entry: dict[str, Any]) -> str:
    # JSON's strings and lists of strings are TOML's too.
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in entry.items())
    return "\n".join(("[[publishers]]", *lines, ""))
