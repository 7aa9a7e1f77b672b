"""What agencies took in and answer later: durable before it is acknowledged, so that no kill loses a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from contracts.types import instant_text
from services.simulator.journal import Line
from services.simulator.world import Asked, World


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that was taken in. To carry it out is to have the world handle it, however often."""

    asked: Asked
    at: datetime


@dataclass(slots=True)
class Inbox:
    """All organisations' trays. When one is settled is its face's to say: it has called back, or put a receipt down."""

    world: World
    _taken: dict[tuple[str, str], Taken] = field(default_factory=dict)
    _open: dict[tuple[str, str], Taken] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take up what the journal left."""
        for line in self.world.journal.lines("taken"):
            key = line["organisation"], line["key"]
            if line["settled"]:
                self._open.pop(key, None)
            else:
                self._taken[key] = self._open[key] = _read(line)

    async def take(self, asked: Asked) -> Taken | None:
        """Take it in, durably; asked again it is the one that is there. None if its key stands for another request."""
        key = asked.organisation, asked.key
        found = self._taken.get(key)
        if found is None:
            found = self._taken[key] = self._open[key] = Taken(asked, self.world.country.clock.now())
            self.world.journal.write("taken", self._line(found) | {"body": asked.body, "settled": False})
        # Who asks a second time waits as well: the first one's line may be on its way to the disk.
        await self.world.journal.durable()
        return found if found.asked == asked else None

    def find(self, organisation: str, key: str) -> Taken | None:
        """What was taken in under a key, settled or not."""
        return self._taken.get((organisation, key))

    def waiting(self, organisation: str) -> tuple[Taken, ...]:
        """What is not settled yet, the oldest first."""
        return tuple(taken for taken in self._open.values() if taken.asked.organisation == organisation)

    async def settle(self, taken: Taken, refused: int | None = None) -> None:
        """Nothing more is to be done about it; durable on return.

        `refused` is the status with which the answer was refused for good by who had asked.
        """
        if self._open.pop((taken.asked.organisation, taken.asked.key), None) is not None:
            line = self._line(taken) | {"settled": True}
            self.world.journal.write("taken", line if refused is None else line | {"refused": refused})
            await self.world.journal.durable()

    async def reopen(self, taken: Taken) -> None:
        """Something is to be done about it once more; durable on return."""
        key = taken.asked.organisation, taken.asked.key
        if key not in self._open:
            self._open[key] = taken
            self.world.journal.write("taken", self._line(taken) | {"body": taken.asked.body, "settled": False})
            await self.world.journal.durable()

    def _line(self, taken: Taken) -> Line:
        asked = taken.asked
        return {
            "at": instant_text(taken.at),
            "organisation": asked.organisation,
            "operation": self.world.operation(asked),
            "path": asked.path,
            "key": asked.key,
        }


def _read(line: Line) -> Taken:
    asked = Asked(line["organisation"], line["path"], line["key"], line["body"])
    return Taken(asked, datetime.fromisoformat(line["at"]))
