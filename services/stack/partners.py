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
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise, takewhile
from typing import Any, Final

from services.runtime.identities import COMING, GONE, US
from services.stack.data import DataFolder, write, write_json
from services.stack.trouble import TroubleError

MOST: Final = 2
"""At once: the old one until the organisation has taken the new one into use."""
EXPIRES_SOON: Final = timedelta(days=30)
"""So long before a certificate ends people are told: who must take another into use needs weeks."""
_PROOFS: Final = ("certificates", "host_keys")
OURS: Final = "ours"
THEIRS: Final = "theirs"
"""Who holds the private half of what an organisation is known by."""
_TABLE: Final = re.compile(r"^[ \t]*\[.*$", re.MULTILINE)
"""Where a table may begin; what an array or a text holds may look so, too."""


@dataclass(frozen=True, slots=True)
class Known:
    """One entry: the SHA-256 of a token, the certificates (PEM) that came with it, the keys (OpenSSH) of its host."""

    token_sha256: str
    certificates: tuple[str, ...]
    host_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """A certificate that counts and will not for long, or does not any more. Whose, and what ends it."""

    whose: str
    until: datetime
    fix: str


def counting(folder: DataFolder, organisation: str) -> list[Known]:
    """Everything by which an organisation is known, the oldest first."""
    mine = (each for each in _entries(folder) if each["organisation"] == organisation)
    return [Known(each["token_sha256"], *(tuple(each.get(name, ())) for name in _PROOFS)) for each in mine]


def whose(folder: DataFolder, organisation: str) -> set[str]:
    """Who holds the keys by which it proves what it seals, or its host: `OURS` were made here."""
    made = _secrets(folder)["identities"].get(organisation, {}).get("certificate", "")
    known = (proof for each in counting(folder, organisation) for proof in (*each.certificates, *each.host_keys))
    return {OURS if proof.strip() == made.strip() else THEIRS for proof in known}


def newest(folder: DataFolder, organisation: str) -> str | None:
    """The token to hand over; None where none was generated here, or what was counts no longer."""
    token: str | None = _secrets(folder)["organisation_tokens"].get(organisation)
    known = {each.token_sha256 for each in counting(folder, organisation)}
    return token if token is not None and _sha256(token) in known else None


def our_certificates(folder: DataFolder) -> dict[str, str]:
    """By which organisations prove what we seal, as PEM: the one in use, and the one before or the one to come."""
    known = _secrets(folder)["identities"]
    return {name: known[name]["certificate"] for name in (US, COMING, GONE) if name in known}


def prepare(folder: DataFolder, identity: dict[str, str] | None = None) -> str:
    """A key pair more of ours, given or made here, of which organisations are told before it is used; its certificate.

    Raises `TroubleError` where an exchange is under way.
    """
    stored = _secrets(folder)
    if {COMING, GONE} & stored["identities"].keys():
        raise TroubleError(
            "上一次更换尚未结束", "an exchange is under way", fix="tongche partner identity --use | --retire"
        )
    stored["identities"][COMING] = identity or _made(US)
    write_json(folder.secrets, stored)
    return str(stored["identities"][COMING]["certificate"])


def use(folder: DataFolder) -> None:
    """Seal with the one to come from now on, whatever runs. Raises `TroubleError` where there is none."""
    stored = _secrets(folder)
    known = stored["identities"]
    if COMING not in known:
        raise TroubleError("没有待用的证书", "no certificate is to come", fix="tongche partner identity --renew")
    known[GONE], known[US] = known[US], known.pop(COMING)
    write_json(folder.secrets, stored)


def forget(folder: DataFolder) -> bool:
    """Drop what is not in use, the one before or the one to come; whether there was any."""
    stored = _secrets(folder)
    dropped = [stored["identities"].pop(name, None) for name in (COMING, GONE)]
    if any(dropped):
        write_json(folder.secrets, stored)
    return any(dropped)


def ending(folder: DataFolder, now: datetime) -> Iterator[Ending]:
    """Certificates that end within `EXPIRES_SOON` or have ended: ours in use, and the newest of each organisation."""
    from services.stack.identities import read

    if mine := _secrets(folder).get("identities", {}).get(US):
        until = read(mine["certificate"]).until
        if until - now < EXPIRES_SOON:
            yield Ending(US, until, "tongche partner identity --renew")
    for organisation in dict.fromkeys(each["organisation"] for each in _entries(folder)):
        ends = [read(pem).until for each in counting(folder, organisation) for pem in each.certificates]
        # While one takes over from another, the one before may end.
        if ends and max(ends) - now < EXPIRES_SOON:
            yield Ending(organisation, max(ends), f"tongche partner keys {organisation} --rotate")


def issue(folder: DataFolder, organisation: str, certificate: str | None = None, host_key: str | None = None) -> str:
    """A token more, which counts at once beside the one before, with a certificate; its own, or one generated here.

    Whose host proves itself by a key of its own (`host_key`, as OpenSSH writes it) needs no certificate. Raises
    `TroubleError` where two count already.
    """
    if len(counting(folder, organisation)) >= MOST:
        raise TroubleError(
            "已有两个有效令牌", "two tokens count already", fix=f"tongche partner keys {organisation} --retire"
        )
    stored, token = _secrets(folder), secrets.token_urlsafe(32)
    stored["organisation_tokens"][organisation] = token
    if certificate is None and host_key is None:
        stored["identities"][organisation] = _made(organisation)
        certificate = stored["identities"][organisation]["certificate"]
    entry = _entry(organisation, token, certificates=certificate, host_keys=host_key)
    text = f"{_text(folder).rstrip()}\n\n{entry}".lstrip()
    _demand_readable(text)
    # Secrets first, so that a crash between them leaves no token that nobody knows.
    write_json(folder.secrets, stored)
    write(folder.notifiers, text)
    return token


def retire(folder: DataFolder, organisation: str) -> int:
    """Let all but the newest count no longer; how many that were.

    Raises `TroubleError` where the file is of a shape from which they cannot be taken: then all count as before.
    """
    gone = {each.token_sha256 for each in counting(folder, organisation)[:-1]}
    if gone:
        text = _without(_text(folder), gone)
        # What a person wrote is read by eye here; so the file is read again before it is believed.
        if _read(text) != [each for each in _entries(folder) if each["token_sha256"] not in gone]:
            raise TroubleError(
                "notifiers.toml 写法特殊，旧令牌仍有效，须手工删除",
                "notifiers.toml has a shape of its own: the old token still counts; take its entry out by hand",
                fix=f"{folder.notifiers}: {', '.join(sorted(gone))}",
            )
        write(folder.notifiers, text)
    return len(gone)


def _made(name: str) -> dict[str, str]:
    # Loaded where it is needed: it takes its time.
    from services.stack.identities import identity

    return identity(name)


def _entry(organisation: str, token: str, **proofs: str | None) -> str:
    # JSON's strings and lists of strings are TOML's too.
    told: dict[str, str | list[str]] = {"organisation": organisation, "token_sha256": _sha256(token)}
    told |= {name: [proof] for name, proof in proofs.items() if proof is not None}
    return "\n".join(("[[notifiers]]", *(f"{name} = {json.dumps(value)}" for name, value in told.items()), ""))


def _demand_readable(text: str) -> None:
    """A file that a person wrote in another shape cannot be added to."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise TroubleError(
            f"notifiers.toml 无法追加：{wrong}", f"notifiers.toml cannot be added to: {wrong}", fix="[[notifiers]]"
        ) from None


def _without(text: str, hashes: set[str]) -> str:
    """A file without these entries, as far as they can be told; what stands around them stays to the letter."""
    begins = [0, *(found.start() for found in _TABLE.finditer(text)), len(text)]
    parts = (text[begin:end] for begin, end in pairwise(begins))
    return "".join(_behind(part) if _is_of(part, hashes) else part for part in parts)


def _behind(part: str) -> str:
    """Blank lines and comments at its end: they speak of what follows."""
    last_first = reversed(part.splitlines(keepends=True))
    return "".join(reversed(list(takewhile(lambda line: not line.partition("#")[0].strip(), last_first))))


def _is_of(part: str, hashes: set[str]) -> bool:
    told = _read(part) or []
    return len(told) == 1 and told[0].get("token_sha256") in hashes


def _read(text: str) -> list[dict[str, Any]] | None:
    """The entries in a text; None where it cannot be read."""
    try:
        told: list[dict[str, Any]] = tomllib.loads(text).get("notifiers", [])
    except tomllib.TOMLDecodeError:
        return None
    return told


def _entries(folder: DataFolder) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = tomllib.loads(_text(folder)).get("notifiers", [])
    return told


def _text(folder: DataFolder) -> str:
    return folder.notifiers.read_text(encoding="utf-8") if folder.notifiers.exists() else ""


def _secrets(folder: DataFolder) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(folder.secrets.read_bytes())
    return stored


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
