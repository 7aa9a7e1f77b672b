"""Messages in which every value is a mark of its own, so that a test can say where each of them has gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from contracts.contract import Contract
from contracts.examples import examples
from contracts.topics import SUBSCRIBABLE
from contracts.versions import Versions

CONTRACTS: Final = {versions.name: versions for carried in SUBSCRIBABLE.values() for versions in carried}
"""All that can be subscribed to."""
VERSIONS: Final = [(name, number + 1) for name, versions in CONTRACTS.items() for number in range(versions.newest)]

Path = tuple[str, ...]


@dataclass
class Marked:
    """A message's data as JSON has it, and the mark of each of its leaves."""

    data: dict[str, Any]
    marks: dict[Path, list[Any]] = field(default_factory=dict)


def marked(contract: str, version: int) -> Marked:
    """As much of one version as its examples show together, each leaf with a value that nothing else has."""
    versions: Versions = CONTRACTS[contract]
    whole: dict[str, Any] = {}
    for example in examples()[versions.type_of(version)]:
        whole |= example
    made = Marked({})
    made.data = _replaced(whole, (), made.marks)
    return made


def _replaced(value: Any, path: Path, marks: dict[Path, list[Any]]) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(inner, (*path, name), marks) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, path, marks) for inner in value]
    mark = _mark(value, sum(map(len, marks.values())))
    marks.setdefault(path, []).append(mark)
    return mark


def _mark(value: Any, number: int) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return 7_000_000_019 + number * 7_919
    moment = _moment(value)
    if moment is None:
        return f"§{number:03}mark{number:03}§"
    # A mask leaves the year, so the year says nothing.
    return (moment.replace(month=1, day=1) + timedelta(days=number)).isoformat().replace("+00:00", "Z")


def _moment(text: str) -> date | None:
    for kind in (date, datetime):
        try:
            found = kind.fromisoformat(text)
        except ValueError:
            continue
        return found.replace(tzinfo=UTC) if isinstance(found, datetime) else found
    return None


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf of a JSON value, with the names that lead to it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def model(contract: str, version: int) -> type[Contract]:
    """The class of one version."""
    return CONTRACTS[contract].model(version)
