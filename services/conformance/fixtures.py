"""The adapters' fixtures as the kit reads them: how each comes about, and what its answer must mean.

A fixture says under `when` how somebody who can only ask brings its answer about:

* `without`: steps of the process that have not happened (what rests on them has not, either);
* `after`: steps that have, beyond those that the command needs;
* `change`: fields of the command that say something else than the process knows;
* `spoil`: fields whose check character is wrong on the wire (our own contracts would not let it pass);
* `borrowed`: fields whose value another car was given;
* `bed`: a state of the test bed that must be arranged, see `bed.CONDITIONS`.

The fixture that is called like its command needs no `when`. Others that lack it record what only the agency's own mood
or an oddity of it can bring about: they are mapping tests, and no cases.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any, Final

from adapters import folders
from adapters.spec import Adapter

_KEYS: Final = frozenset({"without", "after", "change", "spoil", "borrowed", "bed"})


@dataclass(frozen=True, slots=True)
class Situation:
    """How things stand when a command comes, and what it says that the process does not."""

    without: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    change: Mapping[str, Any] = field(default_factory=dict)
    spoil: tuple[str, ...] = ()
    borrowed: tuple[str, ...] = ()
    bed: str | None = None


PLAIN: Final = Situation()


@dataclass(frozen=True, slots=True)
class Fixture:
    """One recorded exchange."""

    name: str
    told: Mapping[str, Any]

    @property
    def command(self) -> str:
        return str(self.told["given"]["command"])

    @property
    def given(self) -> Mapping[str, Any]:
        """The command's data."""
        data: Mapping[str, Any] = self.told["given"]["data"]
        return data

    @property
    def then(self) -> Mapping[str, Any]:
        """What the answer means to us."""
        meant: Mapping[str, Any] = self.told["then"]
        return meant

    @property
    def asks_back(self) -> bool:
        """Whether it is a look-up of the command, and not the command itself."""
        return bool(self.told["given"].get("asks") == "lookup")

    @property
    def is_plain(self) -> bool:
        """Whether it is the one in which the command simply succeeds."""
        return self.name == self.command.replace(".", "-")

    @property
    def situation(self) -> Situation | None:
        """How it comes about; None where nobody outside can bring it about. Raises ValueError for a word of no use."""
        when = self.told.get("when")
        if when is None:
            return PLAIN if self.is_plain else None
        if unknown := set(when) - _KEYS:
            raise ValueError(f"{self.name}: {', '.join(sorted(unknown))}")
        lists = {name: tuple(when.get(name, ())) for name in ("without", "after", "spoil", "borrowed")}
        return Situation(**lists, change=when.get("change", {}), bed=when.get("bed"))


def fixtures(adapter: Adapter) -> tuple[Fixture, ...]:
    """All of an adapter, by name."""
    return _read(adapter.name)


def plain(adapter: Adapter, command: str) -> Fixture:
    """The fixture in which a command succeeds. Raises LookupError where there is none."""
    for fixture in fixtures(adapter):
        if fixture.command == command and fixture.is_plain:
            return fixture
    raise LookupError(f"{adapter.name} has no fixture {command.replace('.', '-')}.json")


def digest(adapter: Adapter) -> str:
    """The SHA-256 of all of them as they are now."""
    told = hashlib.sha256()
    for file in _files(adapter.name):
        told.update(f"{file.name}\n".encode())
        told.update(hashlib.sha256(file.read_bytes()).digest())
    return told.hexdigest()


@cache
def _read(name: str) -> tuple[Fixture, ...]:
    return tuple(
        Fixture(file.name.removesuffix(".json"), json.loads(file.read_text(encoding="utf-8"))) for file in _files(name)
    )


def _files(name: str) -> Iterator[Traversable]:
    folder = folders.of(name) / "fixtures"
    yield from sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
