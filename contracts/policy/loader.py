"""Reads the packs that are shipped with the contracts."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from pydantic import ValidationError

from .faults import Fault, MalformedPack
from .pack import Pack
from .policies import Policies

_OURS: Final = "Value error, "


def parse(text: str) -> Pack:
    """Return a pack from its TOML. Raises `MalformedPack` with every unknown, missing or wrong entry."""
    return _parse(text, "")


def read_packs(shelf: Traversable | None = None) -> tuple[Pack, ...]:
    """Every shipped pack, also the retracted ones, for people to look at; only `load` makes them count."""
    shelf = shelf or files(__package__).joinpath("packs")
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in shelf.iterdir() if _is_pack(entry.name)}
    packs: list[Pack] = []
    faults: list[Fault] = []
    for name, text in sorted(texts.items()):
        try:
            packs.append(_shelved(name, text))
        except MalformedPack as wrong:
            faults += wrong.faults
    if faults:
        raise MalformedPack(faults)
    return tuple(packs)


@cache
def load() -> Policies:
    """Return the shipped packs, accepted together; the retracted ones left out."""
    return Policies(read_packs())


def faults_in(wrong: ValidationError, where: str = "") -> list[Fault]:
    """What pydantic found, each at its place."""
    return [
        _fault(where, ".".join(str(step) for step in each["loc"]), each["msg"].removeprefix(_OURS))
        for each in wrong.errors()
    ]


def _shelved(name: str, text: str) -> Pack:
    pack = _parse(text, name)
    if name != pack.file_name:
        raise MalformedPack([Fault(f"{name} 中是政策包 {pack.id}", f"{name} holds the pack {pack.id}")])
    return pack


def _parse(text: str, where: str) -> Pack:
    try:
        return Pack.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as wrong:
        raise MalformedPack([_fault(where, "TOML", str(wrong))]) from wrong
    except ValidationError as wrong:
        raise MalformedPack(faults_in(wrong, where)) from wrong


def _fault(where: str, place: str, said: str) -> Fault:
    at = ": ".join(part for part in (where, place) if part)
    return Fault(f"{at}：不符合要求（{said}）", f"{at}: {said}" if at else said)


def _is_pack(name: str) -> bool:
    return name.endswith(".toml")
