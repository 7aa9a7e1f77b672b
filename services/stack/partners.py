"""By what an organisation is known to us: a token, and a certificate for what it seals; each twice while exchanged.

`notifiers.toml` holds the SHA-256 of every token that counts with the certificates beside it, `secrets.json` the newest
token and key pair of those that were generated here. The former is a person's file: entries are added at its end and
taken out, and nothing else of it is touched.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import tomllib
from dataclasses import dataclass
from typing import Any, Final

from services.stack.data import DataFolder, write, write_json
from services.stack.trouble import TroubleError

MOST: Final = 2
"""At once: the old one until the organisation has taken the new one into use."""
OURS: Final = "tongche"
"""Under whose name our own key pair stands."""
_ENTRY: Final = re.compile(r"^\[\[notifiers\]\]\n(?:[^\[#\n].*\n?)*", re.MULTILINE)
"""One entry, to the next table, comment or blank line."""


@dataclass(frozen=True, slots=True)
class Known:
    """One entry: the SHA-256 of a token, and the certificates (PEM) that came with it."""

    token_sha256: str
    certificates: tuple[str, ...]


def counting(folder: DataFolder, organisation: str) -> list[Known]:
    """Everything by which an organisation is known, the oldest first."""
    told = tomllib.loads(_text(folder)).get("notifiers", ())
    mine = (each for each in told if each["organisation"] == organisation)
    return [Known(each["token_sha256"], tuple(each.get("certificates", ()))) for each in mine]


def newest(folder: DataFolder, organisation: str) -> str | None:
    """The token to hand over; None where none was generated here, or what was counts no longer."""
    token: str | None = _secrets(folder)["organisation_tokens"].get(organisation)
    known = {each.token_sha256 for each in counting(folder, organisation)}
    return token if token is not None and _sha256(token) in known else None


def our_certificate(folder: DataFolder) -> str:
    """By which an organisation proves what we seal, as PEM."""
    certificate: str = _secrets(folder)["identities"][OURS]["certificate"]
    return certificate


def issue(folder: DataFolder, organisation: str, certificate: str | None = None) -> str:
    """A token more, which counts at once beside the one before, with a certificate; its own, or one generated here.

    Raises `TroubleError` where two count already.
    """
    if len(counting(folder, organisation)) >= MOST:
        raise TroubleError(
            "已有两个有效令牌", "two tokens count already", fix=f"tongche partner keys {organisation} --retire"
        )
    stored, token = _secrets(folder), secrets.token_urlsafe(32)
    stored["organisation_tokens"][organisation] = token
    if certificate is None:
        # Loaded where it is needed: it takes its time.
        from services.stack.identities import identity

        stored["identities"][organisation] = identity(organisation)
        certificate = stored["identities"][organisation]["certificate"]
    entry = _entry(organisation, token, certificate)
    text = f"{_text(folder).rstrip()}\n\n{entry}".lstrip()
    _demand_readable(text)
    # Secrets first, so that a crash between them leaves no token that nobody knows.
    write_json(folder.secrets, stored)
    write(folder.notifiers, text)
    return token


def retire(folder: DataFolder, organisation: str) -> int:
    """Let all but the newest count no longer; how many that were."""
    gone = {each.token_sha256 for each in counting(folder, organisation)[:-1]}
    if gone:
        write(folder.notifiers, _ENTRY.sub(lambda entry: "" if _is_of(entry[0], gone) else entry[0], _text(folder)))
    return len(gone)


def _entry(organisation: str, token: str, certificate: str) -> str:
    # JSON's strings and lists of strings are TOML's too.
    told = {"organisation": organisation, "token_sha256": _sha256(token), "certificates": [certificate]}
    return "\n".join(("[[notifiers]]", *(f"{name} = {json.dumps(value)}" for name, value in told.items()), ""))


def _demand_readable(text: str) -> None:
    """A file that a person wrote in another shape cannot be added to."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise TroubleError(
            f"notifiers.toml 无法追加：{wrong}", f"notifiers.toml cannot be added to: {wrong}", fix="[[notifiers]]"
        ) from None


def _is_of(entry: str, hashes: set[str]) -> bool:
    (told,) = tomllib.loads(entry)["notifiers"]
    return told["token_sha256"] in hashes


def _text(folder: DataFolder) -> str:
    return folder.notifiers.read_text(encoding="utf-8") if folder.notifiers.exists() else ""


def _secrets(folder: DataFolder) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(folder.secrets.read_bytes())
    return stored


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
