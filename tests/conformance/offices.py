"""Customs whose receipts go wrong, each in one way: the simulated ones with a fault in how they put files down."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO

from services.simulator.faces import documents
from services.simulator.faces.boxes import Title
from services.simulator.faces.face import Premises
from services.simulator.faces.files import KIND, Files
from services.simulator.faults import Faults
from services.simulator.world import Asked, Outcome


@dataclass
class HalfWritten(Files):
    """It writes receipts where they are read: who looks early sees the half of one."""

    _seen: set[str] = field(default_factory=set)

    async def receipt(self, organisation: str, name: str) -> BytesIO | None:
        found = await super().receipt(organisation, name)
        if found is None or name in self._seen:
            return found
        self._seen.add(name)
        raw = found.read()
        return BytesIO(raw[: len(raw) // 2])


@dataclass
class Misfiled(Files):
    """It puts the receipt for the declaration before into this one's place."""

    _before: list[str] = field(default_factory=list)

    def _answer(self, asked: Asked, about: Title, outcome: Outcome) -> None:
        self._before.append(about.key)
        other = self._before[-2:][0]
        raw = documents.receipt(other, outcome.said, self.premises.world.country.clock.now())
        self._boxes[asked.organisation].put_receipt(about, raw)


class Unanswering(Files):
    """It takes declarations away, and no receipt ever comes."""

    def _answer(self, asked: Asked, about: Title, outcome: Outcome) -> None:
        del asked, about, outcome


@dataclass
class Utf8Only(Files):
    """It reads UTF-8, whatever a document says of itself."""

    def _answer(self, asked: Asked, about: Title, outcome: Outcome) -> None:
        lies = self._boxes[asked.organisation].path("OutBox", about.name)
        if lies.exists() and b"GB18030" in lies.read_bytes():
            outcome = self._no(asked.organisation, "V102")
        super()._answer(asked, about, outcome)


def twice(premises: Premises) -> Files:
    """It takes the same declaration again for another one."""
    premises.world.turn(KIND, Faults(forgetful=True))
    return Files(premises)
