"""Reference tables that stand beside these modules: CSV files whose first line says where they come from."""

from __future__ import annotations

import csv
from importlib.resources import files


def rows(name: str) -> list[list[str]]:
    """Return the rows of a table, without its source and its header."""
    source, _header, *lines = files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()
    if not source.startswith("# Source: "):
        message = f"{name} does not say its source on its first line"
        raise ValueError(message)
    return list(csv.reader(lines))
