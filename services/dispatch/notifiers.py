"""Which organisations may give notice of their own accord, and the hashes of the tokens that prove who speaks.

They stand in a TOML file that a person may change at any time. Notices are few: it is read anew for each.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from adapters.organisations import ORGANISATIONS
from contracts.types import Identifier, Sha256


class Notifier(BaseModel):
    """One organisation. `token_sha256` is all that we keep of its token; its certificates prove what it seals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organisation: Identifier
    token_sha256: Sha256
    certificates: tuple[str, ...] = ()
    """As PEM: more than one while one takes over from another."""
    host_keys: tuple[str, ...] = ()
    """By which a host of its proves itself that has no certificate: one line each, as OpenSSH writes them."""


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    notifiers: tuple[Notifier, ...] = ()

    @model_validator(mode="after")
    def _are_known_and_distinct(self) -> _File:
        if not {one.organisation for one in self.notifiers} <= ORGANISATIONS.keys():
            message = "there is no such organisation"
            raise ValueError(message)
        if len({one.token_sha256 for one in self.notifiers}) != len(self.notifiers):
            message = "two organisations share their token"
            raise ValueError(message)
        return self


class UnreadableNotifiersError(RuntimeError):
    """The file is not what it must be: nobody can be told from anybody."""


@dataclass(frozen=True, slots=True)
class Notifiers:
    """The organisations of this installation that may give notice, as the file has them now."""

    path: Path

    async def by_token(self, token: str) -> str | None:
        """Whose token this is. Takes as long for a wrong one as for a right one. Raises `UnreadableNotifiersError`."""
        given = hashlib.sha256(token.encode()).hexdigest()
        found = None
        for one in await asyncio.to_thread(_read, self.path):
            if hmac.compare_digest(one.token_sha256, given):
                found = one.organisation
        return found

    def certificates(self, organisation: str) -> tuple[str, ...]:
        """Those of one organisation, as the file has them now. Raises `UnreadableNotifiersError`; reads the disk."""
        return tuple(pem for one in _read(self.path) if one.organisation == organisation for pem in one.certificates)

    def proofs(self, organisation: str) -> tuple[str, ...]:
        """By what its host may prove itself: its certificates and its host's keys, as the file has them now."""
        mine = [one for one in _read(self.path) if one.organisation == organisation]
        return tuple(proof for one in mine for proof in (*one.certificates, *one.host_keys))


def _read(path: Path) -> tuple[Notifier, ...]:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).notifiers
    except FileNotFoundError:
        # An installation that nobody may speak to has no such file.
        return ()
    except ValidationError as wrong:
        places = "; ".join(
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
            for error in wrong.errors(include_input=False, include_url=False)
        )
        raise UnreadableNotifiersError(f"{path.name}: {places}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise UnreadableNotifiersError(f"{path.name}: {type(wrong).__name__}") from wrong
