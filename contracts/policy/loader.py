"""Reads the packs that are shipped with the contracts."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from .pack import Pack
from .policies import Policies, PolicyConflict


def parse(text: str) -> Pack:
    """Return a pack from its TOML; pydantic's ValidationError names every unknown or wrong parameter."""
    return Pack.model_validate(tomllib.loads(text))


def read_packs() -> tuple[Pack, ...]:
    """Every shipped pack, also the retracted ones, for people to look at; only `load` makes them count."""
    shelf = files(__package__).joinpath("packs")
    found = {entry.name: parse(entry.read_text(encoding="utf-8")) for entry in shelf.iterdir() if _is_pack(entry.name)}
    for name, pack in found.items():
        if name != pack.file_name:
            message = f"{name} holds the pack {pack.id}"
            raise PolicyConflict(message)
    return tuple(found[name] for name in sorted(found))


@cache
def load() -> Policies:
    """Return the shipped packs, accepted together; the retracted ones left out."""
    return Policies(read_packs())


def _is_pack(name: str) -> bool:
    return name.endswith(".toml")
