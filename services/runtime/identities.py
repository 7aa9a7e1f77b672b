"""Who seals messages here, and what we are known by, as the secrets file has it now: both change while everything runs.

Ours is exchanged in steps, each an act of a person (`tongche partner identity`): organisations are told of `COMING`
before we use it; then it takes the place of `US`, and the one before is `GONE`, which they still know until they are
told to forget it. So at every moment whatever is under way is sealed with a key that they know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from observability import logs

from .settings import Identity, Secrets, Settings

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
    _known: Secrets = field(init=False)
    _read: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self._read = self._stamp()
        self._known = self.settings.secret()

    def __getitem__(self, name: str) -> Identity:
        return self._now().identities[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now().identities)

    def __len__(self) -> int:
        return len(self._now().identities)

    def granted(self, organisation: str) -> str | None:
        """What an organisation has granted us to be known by, if it has."""
        return self._now().granted.get(organisation)

    def _now(self) -> Secrets:
        try:
            stamp = self._stamp()
            if stamp != self._read:
                self._read = stamp
                self._take(self.settings.secret())
        except (OSError, ValueError) as wrong:
            logs.get().warning("secrets_unreadable", reason=type(wrong).__name__)
        return self._known

    def _take(self, fresh: Secrets) -> None:
        if US in self._known.identities and US not in fresh.identities:
            logs.get().warning("secrets_unreadable", reason=f"no {US}")
            return
        self._known = fresh

    def _stamp(self) -> tuple[int, int]:
        stat = self.settings.secrets.stat()
        return stat.st_mtime_ns, stat.st_ino
