"""Who may publish: names, tokens' hashes, and the sources and USCCs each may speak for.

They stand in a TOML file that a person may change at any time; it is read again when it has changed.
"""

from __future__ import annotations

import hashlib
import hmac
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from contracts.types import Sha256, Uscc
from observability import logs

_log = logs.get()


class Publisher(BaseModel):
    """One publisher. `token_sha256` is all that we keep of its token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9\-]{0,39}$")]
    title: str
    source: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
    usccs: frozenset[Uscc]
    token_sha256: Sha256

    def speaks_for(self, source: str) -> bool:
        """Whether a message may carry this `source`: the publisher's own, or one below it."""
        return source == self.source or source.startswith((self.source + ":", self.source + "/"))


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    publishers: tuple[Publisher, ...]

    @model_validator(mode="after")
    def _are_distinct(self) -> _File:
        for key in ("name", "source", "token_sha256"):
            if len({getattr(publisher, key) for publisher in self.publishers}) != len(self.publishers):
                message = f"two publishers share their {key}"
                raise ValueError(message)
        return self


class UnreadablePublishersError(RuntimeError):
    """The publishers file is not what it must be."""


class Publishers:
    """The publishers of this installation, as the file has them now.

    A file that a person broke while we run does not shut everybody out: the last good one stays in force, and
    the log says so. At the start a broken file is an error.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()
        self._all = _read(path)

    def all(self) -> tuple[Publisher, ...]:
        """Everybody who may publish."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            self._reload()
        return self._all

    def by_token(self, token: str) -> Publisher | None:
        """Whose token this is. Takes as long for a wrong one as for a right one."""
        given = hashlib.sha256(token.encode()).hexdigest()
        found = None
        for publisher in self.all():
            if hmac.compare_digest(publisher.token_sha256, given):
                found = publisher
        return found

    def by_name(self, name: str) -> Publisher | None:
        """The publisher of a topic `submit.<name>`."""
        return next((publisher for publisher in self.all() if publisher.name == name), None)

    def _reload(self) -> None:
        try:
            self._all = _read(self._path)
        except UnreadablePublishersError as problem:
            _log.error("publishers.unreadable", problem=str(problem))
        else:
            _log.info("publishers.reloaded", count=len(self._all))

    def _stamp(self) -> tuple[int, int, int] | None:
        # An editor that replaces the file leaves a moment without one.
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> tuple[Publisher, ...]:
    try:
        return _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).publishers
    except ValidationError as wrong:
        places = "; ".join(
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
            for error in wrong.errors(include_input=False, include_url=False)
        )
        raise UnreadablePublishersError(f"{path.name}: {places}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise UnreadablePublishersError(f"{path.name}: {type(wrong).__name__}") from wrong
