"""Who subscribes, as the operator's file has it now: read again when it has changed, and never half understood."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from contracts.views.subscriber import PublicKey, Subscribers
from observability import logs

Stamp = tuple[int, int, int] | None


class UnreadableSubscribers(RuntimeError):
    """The subscribers file is not what it must be; the text says where, and never what stood there."""


def read(path: Path) -> Subscribers:
    """Everybody who subscribes. Raises `UnreadableSubscribers`."""
    try:
        found = Subscribers.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as wrong:
        places = "; ".join(
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
            for error in wrong.errors(include_input=False, include_url=False)
        )
        raise UnreadableSubscribers(f"{path.name}: {places}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise UnreadableSubscribers(f"{path.name}: {type(wrong).__name__}") from wrong
    for subscriber in found.subscribers:
        if subscriber.key is not None and not _is_on_its_curve(subscriber.key):
            raise UnreadableSubscribers(f"{path.name}: {subscriber.name}: key: no point of its curve")
    return found


def _is_on_its_curve(key: PublicKey) -> bool:
    # It takes a tenth of a second to import, and every service imports this module.
    from joserfc import jwk
    from joserfc.errors import JoseError

    try:
        _ = jwk.import_key(key.model_dump(exclude_none=True)).public_key
    except (JoseError, ValueError):
        return False
    return True


class SubscribersFile:
    """The file while we run: one that a person broke leaves the last good one in force, and says so.

    At the start a broken or missing file is an error: who nobody knows to subscribe would be told that it is over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()
        self._all = read(path)
        self.problem: str | None = None
        """Why the file as it is now is not in force."""

    def now(self) -> Subscribers:
        """What is in force."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            self._reload()
        return self._all

    def _reload(self) -> None:
        try:
            self._all = read(self._path)
        except UnreadableSubscribers as wrong:
            self.problem = str(wrong)
            logs.get().error("subscribers.unreadable", problem=self.problem)
        else:
            self.problem = None
            logs.get().info("subscribers.reloaded", count=len(self._all.subscribers))

    def _stamp(self) -> Stamp:
        # An editor that replaces the file leaves a moment without one.
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
