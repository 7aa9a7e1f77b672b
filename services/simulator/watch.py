"""What onlookers see of each organisation: its last lines and how many there were, and nothing about a person."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

KEPT: Final = 50
"""Lines of each kind at each organisation."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One line without its contents. `words` are an agency's own with which it refused; `status` 0 is no answer."""

    at: str
    operation: str
    key: str
    vin: str
    status: int
    mishap: str | None
    words: str


@dataclass(slots=True)
class Watch:
    """All organisations. `changes` grows with every line, so that who looks on knows that there is something new."""

    changes: int = 0
    _last: defaultdict[tuple[str, str], deque[Seen]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=KEPT))
    )
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def see(self, file: str, line: Mapping[str, Any]) -> None:
        """Take a line in as it is written."""
        place = line["organisation"], file
        self.changes += 1
        self._counts[place] += 1
        self._last[place].append(_seen(file, line))

    def last(self, organisation: str, file: str) -> list[Seen]:
        """The newest lines, newest first."""
        return list(reversed(self._last.get((organisation, file), ())))

    def count(self, organisation: str, file: str) -> int:
        """How many there were: effects of all times, requests and refusals since the simulator was started."""
        return self._counts[organisation, file]


def _seen(file: str, line: Mapping[str, Any]) -> Seen:
    # What an agency says with a refusal is its own words; what it answers otherwise may be about a person.
    words = " ".join(map(str, line["result"].values())) if file == "refusals" else ""
    return Seen(
        line["at"],
        line["operation"],
        line["key"],
        line.get("vin", ""),
        line.get("status", 0),
        line.get("mishap"),
        words,
    )
