"""Synthetic examples of every version of every contract, for documentation and for trying things out.

The rows stand in `examples.jsonl`. Nobody in them exists: the names say so, the identity numbers are of people who do
not live, the serials are invented.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from .fields import FIELDS


@cache
def examples() -> dict[str, tuple[dict[str, Any], ...]]:
    """By CloudEvents type; the first shows as much as one message can."""
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for row in map(json.loads, (files(__package__) / "examples.jsonl").read_text(encoding="utf-8").splitlines()):
        found[row["type"]] = (*found.get(row["type"], ()), row["data"])
    return found


@cache
def values() -> dict[str, Any]:
    """One value for every field that an example holds, from the newest version that has it."""
    return {name: value for told in examples().values() for data in reversed(told) for name, value in _leaves(data)}


def _leaves(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        if name in FIELDS:
            yield name, value
            continue
        for part in value if isinstance(value, list) else [value]:
            yield from _leaves(part)
