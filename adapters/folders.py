"""Where adapters are: every folder beside this module that says which organisations it speaks to. There is no list."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from operator import attrgetter
from typing import Final

ORGANISATIONS: Final = "organisations.toml"
"""What makes a folder an adapter's. The simulator and the stack look for it as well, as data."""


def every() -> list[Traversable]:
    """The folder of every adapter, by name, which is the adapter's."""
    beside = files(__package__).iterdir()
    return sorted((folder for folder in beside if (folder / ORGANISATIONS).is_file()), key=attrgetter("name"))


def of(adapter: str) -> Traversable:
    """The folder of one adapter."""
    return files(__package__) / adapter
