"""How often the gate is right: `python -m services.compatibility.score [FOLDER]` judges edits whose verdict is known.

A folder holds JSON files of edits, each a base (a schema, or a frozen contract of ours by its file), a JSON Patch, the
right verdict backward and forward, and why. A null where a verdict is known counts as a miss.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from contracts.published import published
from services.compatibility.judge import judge
from services.compatibility.modes import Direction, Mode

SUITE: Final = Path(__file__).parents[2] / "tests" / "compatibility" / "mutations"
_MODES: Final[dict[Direction, Mode]] = {"backward": Mode.BACKWARD, "forward": Mode.FORWARD}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One edit of one schema, in one direction, with the verdict that is right."""

    topic: str
    name: str
    old: Any
    new: Any
    direction: Direction
    right: bool
    why: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.name}, {self.direction}"

    def verdict(self) -> bool | None:
        """What the gate says."""
        return judge(self.old, self.new, _MODES[self.direction]).compatible


def suite(folder: Path = SUITE) -> list[Mutation]:
    """Every mutation of a folder, each edit in both directions."""
    return [one for file in sorted(folder.glob("*.json")) for one in _of_file(file)]


def _of_file(file: Path) -> Iterator[Mutation]:
    for row in json.loads(file.read_text(encoding="utf-8")):
        old = _thawed(row["base"])
        new = _thawed(patched(old, row["edit"]))
        for direction in _MODES:
            yield Mutation(file.stem, row["name"], old, new, direction, row[direction], row["why"])


def _thawed(schema: Any) -> Any:
    """The schema itself; of one that is named by its file, what that file says."""
    return _frozen()[schema["frozen"]] if isinstance(schema, dict) and set(schema) == {"frozen"} else schema


@cache
def _frozen() -> dict[str, Any]:
    return {one.file: one.schema for one in published()}


def patched(document: Any, operations: Iterable[dict[str, Any]]) -> Any:
    """A document after a JSON Patch (RFC 6902) of add, replace, remove. Raises `LookupError` where nothing stands."""
    whole = {"": copy.deepcopy(document)}
    for operation in operations:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")]
        _apply(whole, steps, operation)
    return whole[""]


def _apply(holder: Any, steps: list[str], operation: dict[str, Any]) -> None:
    for step in steps[:-1]:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    last: Any = int(steps[-1]) if isinstance(holder, list) else steps[-1]
    match operation["op"]:
        case "remove":
            del holder[last]
        case "add" if isinstance(holder, list):
            holder.insert(last, operation["value"])
        case "replace":
            holder[last]  # there must be something to replace
            holder[last] = operation["value"]
        case _:
            holder[last] = operation["value"]


def main(folder: Path = SUITE) -> int:
    """Print the score of a suite; the number of verdicts that are not right."""
    told: dict[str, list[bool | None]] = {}
    wrong = []
    began = time.perf_counter()
    for one in suite(folder):
        verdict = one.verdict()
        told.setdefault(one.topic, []).append(None if verdict is None else verdict == one.right)
        if verdict != one.right:
            wrong.append((one, verdict))
    _show(told, time.perf_counter() - began)
    for one, verdict in wrong:
        Console().print(f"✗ {one}: {verdict}, 应为 should be {one.right}: {one.why}", markup=False, soft_wrap=True)
    return len(wrong)


def _show(told: dict[str, list[bool | None]], seconds: float) -> None:
    table = Table("题目 topic", "判定 verdicts", "正确 right", "未定 null", "错误 wrong", box=None)
    told = told | {"总计 all": [one for each in told.values() for one in each]}
    for topic, each in told.items():
        table.add_row(topic, *map(str, (len(each), each.count(True), each.count(None), each.count(False))))
    Console().print(table)
    Console().print(f"{seconds:.1f} s", highlight=False)


if __name__ == "__main__":
    sys.exit(1 if main(*map(Path, sys.argv[1:2])) else 0)
