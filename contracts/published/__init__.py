"""What was published: every version of every contract as a JSON Schema file that never changes again.

`<contract>/v<N>.<revision>.json`: revision 1 is the version as it first came out, each further one an addition that all
before it can live with. Written by `tongche contracts freeze`, never by hand: `SHA256SUMS` holds what each file was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

DIGESTS: Final = "SHA256SUMS"
"""The digest of every file, as `sha256sum -c` reads it."""


class Revision(NamedTuple):
    """One frozen schema of one version of a contract."""

    contract: str
    version: int
    revision: int
    schema: dict[str, Any]

    @property
    def file(self) -> str:
        """Where it stands, below this folder."""
        return file_of(self.contract, self.version, self.revision)


def file_of(contract: str, version: int, revision: int) -> str:
    """The file of one revision, below this folder."""
    return f"{contract}/v{version}.{revision}.json"


def text_of(schema: Mapping[str, Any]) -> str:
    """A schema as its file has it."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


@cache
def published() -> tuple[Revision, ...]:
    """Every revision, those of one version oldest first."""
    return read(Path(str(files(__package__))))


def read(folder: Path) -> tuple[Revision, ...]:
    """Every revision below a folder of this form."""
    found = []
    for file in folder.glob("*/v*.json"):
        version, revision = file.name.removeprefix("v").removesuffix(".json").split(".")
        found.append(
            Revision(file.parent.name, int(version), int(revision), json.loads(file.read_text(encoding="utf-8")))
        )
    return tuple(sorted(found, key=lambda one: one[:3]))


def add(folder: Path, revision: Revision) -> None:
    """Write one more file and its digest. Those of the others stay as they are, whatever became of the files."""
    file = folder / revision.file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text_of(revision.schema), encoding="utf-8")
    digests = _digests(folder) | {revision.file: _digest(file)}
    lines = (f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    (folder / DIGESTS).write_text("".join(lines), encoding="utf-8")


def altered(folder: Path) -> list[str]:
    """The files that are not what they were when they were written, that nobody wrote so, or that are gone."""
    there = {file.relative_to(folder).as_posix(): _digest(file) for file in folder.glob("*/v*.json")}
    return sorted({name for name, _ in there.items() ^ _digests(folder).items()})


def _digests(folder: Path) -> dict[str, str]:
    file = folder / DIGESTS
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
