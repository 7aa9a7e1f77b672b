"""What each version says: in Chinese by the rows of `descriptions.csv`, in English by the docstring of its class."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Final, NamedTuple

from .versions import Versions


class Description(NamedTuple):
    """A version in words."""

    zh: str
    en: str


def description(versions: Versions, number: int) -> Description:
    """Of one version. Raises `versions.UnknownVersion`."""
    model = versions.model(number)
    return Description(CHINESE[versions.name, number], " ".join((model.__doc__ or "").split()))


def _load() -> dict[tuple[str, int], str]:
    table = (files(__package__) / "descriptions.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in table.splitlines() if not line.startswith("#"))
    return {(row["contract"], int(row["version"])): row["zh"] for row in rows}


CHINESE: Final = _load()
"""By contract and version."""
