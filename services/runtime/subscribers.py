"""Who subscribes, as the operator's file has it now: read again when it has changed, and never half understood."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from contracts.views.subscriber import PublicKey, Subscribers
from observability import logs, redaction

from . import shape

_AT: Final = re.compile(r"\(at line (?P<line>[0-9]+), column (?P<column>[0-9]+)\)$")
Stamp = tuple[int, int, int] | None


class UnreadableSubscribers(RuntimeError):
    """The subscribers file is not what it must be; the text says where, and never what stood there."""


def read(path: Path) -> Subscribers:
    """Everybody who subscribes. Raises `UnreadableSubscribers`."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as wrong:
        raise UnreadableSubscribers(f"{path.name}: TOML: {_spot(wrong)}") from None
    except (OSError, UnicodeDecodeError) as wrong:
        raise UnreadableSubscribers(f"{path.name}: {type(wrong).__name__}") from wrong
    if "subscribers" not in content:
        # Whoever means nobody writes `subscribers = []`: an empty file is one that somebody is about to write.
        raise UnreadableSubscribers(f"{path.name}: 没有 subscribers / no subscribers")
    try:
        found = Subscribers.model_validate(content)
    except ValidationError as wrong:
        faults = wrong.errors(include_input=False, include_url=False)
        said = "; ".join(shape.said(fault, content) for fault in faults)
        raise UnreadableSubscribers(f"{path.name}: {said}") from None
    for words in _written(found):
        if redaction.text(words.said) != words.said:
            raise UnreadableSubscribers(
                f"{path.name}: {words.place}: 像是某人的号码 / it holds what looks like somebody's number"
            )
    for subscriber in found.subscribers:
        if subscriber.key is not None and not _is_on_its_curve(subscriber.key):
            raise UnreadableSubscribers(f"{path.name}: {subscriber.name}: key: 不在其曲线上 / no point of its curve")
    return found


class _Words(NamedTuple):
    place: str
    said: str


def _written(found: Subscribers) -> Iterator[_Words]:
    """What is written for people: it is shown, and kept for years, so nobody's number may stand in it."""
    for subscriber in found.subscribers:
        yield _Words(f"{subscriber.name}: title", subscriber.title)
    for subscriber, grant in found.grants():
        yield _Words(f"{subscriber.name}: {grant.id}: purpose", grant.purpose)
        yield _Words(f"{subscriber.name}: {grant.id}: legal_basis", grant.legal_basis)


def _spot(wrong: tomllib.TOMLDecodeError) -> str:
    """Where it is wrong; the rest of its text may quote what stands there."""
    found = _AT.search(str(wrong))
    if found is None:
        return "未写完 / it ends too early"
    return f"第 {found['line']} 行第 {found['column']} 列 / line {found['line']}, column {found['column']}"


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

    It counts once two looks in a row found it the same: who saves it may empty it first, and a part of it can be read
    as well as the whole. At the start a broken or missing file is an error: who nobody knows to subscribe would be told
    that it is over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._coming = self._stamp()
        self._all = read(path)
        self.problem: str | None = None
        """Why the file as it is now is not in force."""

    def now(self) -> Subscribers:
        """What is in force."""
        before, self._coming = self._coming, self._stamp()
        if self._coming != self._seen and self._coming == before:
            self._seen = self._coming
            self._reload()
        return self._all

    @property
    def is_settled(self) -> bool:
        """Whether what is in force is what the last look found, and nobody is at work on it."""
        return self._coming == self._seen and self.problem is None

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
