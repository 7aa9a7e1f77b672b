"""Who there is, so that agencies can look at each other's records as real ones do."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Protocol

from services.simulator.faults import Faults

if TYPE_CHECKING:
    from services.simulator.agency import Agency
    from services.simulator.bank import Bank
    from services.simulator.commerce import Commerce
    from services.simulator.customs import Customs
    from services.simulator.insurer import Insurer
    from services.simulator.miit import Miit
    from services.simulator.police import Police
    from services.simulator.tax import TaxOffice


class Clock(Protocol):
    """What time it is, and which day business is done on."""

    def now(self) -> datetime: ...

    def today(self) -> date: ...


@dataclass(frozen=True, slots=True)
class Name:
    """One organisation of the list: its id is its address."""

    id: str
    kind: str
    uscc: str


def names() -> Iterator[Name]:
    """The organisations of this installation, read as data: the simulator shares no code with the adapters."""
    text = (files("adapters") / "organisations.toml").read_text(encoding="utf-8")
    for row in tomllib.loads(text)["organisation"]:
        yield Name(row["id"], row["adapter"], row.get("uscc", ""))


@dataclass(slots=True)
class Country:
    """Every agency, and the knobs of each; `services.simulator.world.settled` fills it."""

    clock: Clock
    knobs: dict[str, Faults] = field(default_factory=dict)
    agencies: dict[str, Agency] = field(default_factory=dict)
    insurers: dict[str, Insurer] = field(default_factory=dict)
    banks: dict[str, Bank] = field(default_factory=dict)
    miit: Miit = field(init=False)
    tax: TaxOffice = field(init=False)
    police: Police = field(init=False)
    commerce: Commerce = field(init=False)
    customs: Customs = field(init=False)

    def faults(self, organisation: str) -> Faults:
        """The knobs of an organisation; none are turned where nobody turned one."""
        return self.knobs.get(organisation) or _HEALTHY


_HEALTHY = Faults()
