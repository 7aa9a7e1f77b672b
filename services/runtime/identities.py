"""Who seals messages here, as the secrets file has it now: keys are exchanged while everything runs.

Ours is exchanged in steps, each an act of a person (`tongche partner identity`): organisations are told of `COMING`
before we use it; then it takes the place of `US`, and the one before is `GONE`, which they still know until they are
told to forget it. So at every moment whatever is under way is sealed with a key that they know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from observability import logs

from .settings import Identity, Settings

US: Final = "tongche"
COMING: Final = "tongche-coming"
GONE: Final = "tongche-gone"


def ours(identities: Mapping[str, Identity]) -> tuple[Identity, ...]:
    """All that an organisation may take for us: while ours is exchanged more than one."""
    return tuple(identities[name] for name in (US, COMING, GONE) if name in identities)


@dataclass(slots=True)
class Identities(Mapping[str, Identity]):
    """Those of an installation. Looks at the file whenever it is asked, and reads it when it has changed.

    A file that cannot be read, or in which we have no identity any more, changes nothing: what was known goes on.
    """

    settings: Settings
    _known: Mapping[str, Identity] = field(init=False)
    _read: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self._read = self._stamp()
        self._known = self.settings.secret().identities

    def __getitem__(self, name: str) -> Identity:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def _now(self) -> Mapping[str, Identity]:
        try:
            stamp = self._stamp()
            if stamp != self._read:
                self._read = stamp
                self._take(self.settings.secret().identities)
        except (OSError, ValueError) as wrong:
            logs.get().warning("secrets_unreadable", reason=type(wrong).__name__)
        return self._known

    def _take(self, fresh: Mapping[str, Identity]) -> None:
        if US in self._known and US not in fresh:
            logs.get().warning("secrets_unreadable", reason=f"no {US}")
            return
        self._known = fresh

    def _stamp(self) -> tuple[int, int]:
        stat = self.settings.secrets.stat()
        return stat.st_mtime_ns, stat.st_ino
