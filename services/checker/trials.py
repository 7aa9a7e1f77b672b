"""Cars with which agencies were tested: they announced them beforehand, and nothing of ours ever knew of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from .evidence import BrokenEvidence, Line
from .story import Story


@dataclass(slots=True)
class Trials:
    """What the agencies' own books say of tests."""

    _since: dict[str, datetime] = field(default_factory=dict)

    def announced(self, line: Line) -> None:
        """Take one announcement in; of a car that was announced twice the first counts."""
        at, vins = line["at"], line["vins"]
        if not isinstance(vins, list):
            raise BrokenEvidence(f"{line.where}: no vins")
        for vin in map(str, vins):
            self._since.setdefault(vin, datetime.fromisoformat(at))

    def covers(self, story: Story) -> bool:
        """Whether all that happened to a vehicle is a test, after it was announced.

        One sale, message or case of it, and it is judged as any other; so is one that was announced afterwards.
        """
        since = self._since.get(story.vin)
        if since is None or story.acknowledged or story.messages or story.cases:
            return False
        return all(datetime.fromisoformat(effect.at) >= since for effect in story.effects)
