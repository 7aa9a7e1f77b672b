"""What any way of sealing does for us: it seals what goes out, and opens what comes in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from adapters.spec import Letter


class Forged(Exception):
    """Nobody whom we know sealed this, or it was changed since. Its text names the reason, never the content."""


class Sealing(Protocol):
    """Between us and one organisation."""

    def sealed(self, letter: Letter) -> Letter:
        """The same message under our seal."""
        ...

    def opened(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        """What the organisation has sealed, and nothing else of what came. Raises `Forged`."""
        ...


class Unsealed:
    """Nobody seals anything here; so nothing can be taken for theirs."""

    def sealed(self, letter: Letter) -> Letter:
        """As it is."""
        return letter

    def opened(self, headers: Mapping[str, str], raw: bytes) -> bytes:
        """Never."""
        del headers, raw
        raise Forged("no-seal-agreed")


UNSEALED: Final = Unsealed()
