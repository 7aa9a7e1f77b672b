"""The folders of an organisation that is spoken to by files, on a disk that may lose power at any moment.

A document comes into OutBox, as its sender sees it, and lies there until its receipt lies in InBox; then it goes to
SentBox, or to FailBox if nobody could read it. Everything appears by a rename, so nothing is ever there by half.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

Box = Literal["OutBox", "InBox", "SentBox", "FailBox"]
BOXES: Final[tuple[Box, ...]] = ("OutBox", "InBox", "SentBox", "FailBox")
_NAME: Final = re.compile(r"([A-Z0-9]{1,16})_([A-Za-z0-9.-]{1,80})\.xml")


class Title(NamedTuple):
    """What a file's name says."""

    type: str
    key: str

    @property
    def name(self) -> str:
        return f"{self.type}_{self.key}.xml"

    @property
    def receipt(self) -> str:
        return f"{self.key}.xml"


def title(name: str) -> Title | None:
    """What a name says, or None for one that no document may have."""
    match = _NAME.fullmatch(name)
    return Title(match[1], match[2]) if match else None


@dataclass(frozen=True, slots=True)
class Boxes:
    """Those of one organisation."""

    folder: Path

    def open(self) -> None:
        """Make them; what nobody finished writing before we came is thrown away."""
        for box in BOXES:
            (self.folder / box).mkdir(parents=True, exist_ok=True)
        for box in ("OutBox", "InBox"):
            for begun in (self.folder / box).glob(".*"):
                begun.unlink()

    def waiting(self) -> Iterator[Title]:
        """Documents that lie here and were not taken, the oldest first."""
        files = sorted((self.folder / "OutBox").iterdir(), key=lambda file: file.stat().st_mtime_ns)
        yield from (found for file in files if (found := title(file.name)))

    def path(self, box: Box, name: str) -> Path:
        return self.folder / box / name

    def place(self, begun: Path, there: Path) -> None:
        """Give what was written its name, durably. Raises FileExistsError where there is one already."""
        _sync(begun)
        # Unlike a rename, a link replaces nothing, however many come at once.
        os.link(begun, there)
        begun.unlink()
        _sync(there.parent)

    def put_receipt(self, about: Title, raw: bytes) -> None:
        """Put a receipt down, or a newer one in its place."""
        there = self.path("InBox", about.receipt)
        fresh = there.with_name(f".{about.receipt}.{secrets.token_hex(8)}")
        fresh.write_bytes(raw)
        _sync(fresh)
        fresh.replace(there)
        _sync(there.parent)

    def taken(self, about: Title, box: Literal["SentBox", "FailBox"]) -> None:
        """Take a document out of the way, once its receipt is there or will not be."""
        self.path("OutBox", about.name).replace(self.path(box, about.name))
        _sync(self.folder / box)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
