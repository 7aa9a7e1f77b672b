"""What was published: every version of every contract as a JSON Schema file that never changes again.

`<contract>/v<N>.<revision>.json`: revision 1 is the version as it first came out, each further one an addition that all
before it can live with. Written by `tongche contracts freeze`, never by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple


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
