"""Who there is, so that agencies can look at each other's records as real ones do."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.resources import files
from operator import attrgetter
from typing import Any, Protocol

from services.simulator import monsoon
from services.simulator.agency import Agency
from services.simulator.faults import Faults
from services.simulator.records import Certificate, Invoice, Licence


class Clock(Protocol):
    """What time it is, and which day business is done on."""

    def now(self) -> datetime: ...

    def today(self) -> date: ...


@dataclass(frozen=True, slots=True)
class Name:
    """One organisation: its id is its address. `words` is the folder that tells how it speaks."""

    id: str
    kind: str
    uscc: str
    zh: str
    en: str
    words: str


def names() -> Iterator[Name]:
    """The organisations of this installation, read as data: the simulator shares no code with the adapters."""
    for folder in sorted(files("adapters").iterdir(), key=attrgetter("name")):
        file = folder / "organisations.toml"
        if file.is_file():
            rows = tomllib.loads(file.read_text(encoding="utf-8"))["organisation"]
            yield from (_name(row, folder.name) for row in rows)


def code_of(organisation: str) -> str:
    """Its own code ends the id by which it is known."""
    return organisation.rpartition("-")[2]


def _name(row: Mapping[str, str], words: str) -> Name:
    # An organisation is called after the kind of agency that it is, whatever its words.
    kind = row["id"].partition("-")[0]
    return Name(row["id"], kind, row.get("uscc", ""), row["zh"], row["en"], words)


class Certificates(Protocol):
    """What others ask MIIT."""

    def certificate(self, vin: str) -> Certificate | None: ...

    def uploaded(self, vin: str) -> Mapping[str, Any] | None: ...


class Taxes(Protocol):
    """What others ask the tax office."""

    def invoice(self, vin: str) -> Invoice | None: ...

    def is_settled(self, vin: str) -> bool: ...


class Cover(Protocol):
    """What others ask an insurer."""

    def covers(self, vin: str) -> bool: ...


class Loans(Protocol):
    """What others ask a bank."""

    def lends_on(self, vin: str, contract: str) -> bool: ...

    def signature(self, vin: str, contract: str) -> str | None: ...

    def settled_on(self, vin: str, contract: str) -> date | None: ...


class Register(Protocol):
    """What others ask the police."""

    def plate_of(self, vin: str) -> str | None: ...

    def certificate_of(self, vin: str) -> str | None: ...

    def went_back_on(self, vin: str) -> date | None: ...


class Licences(Protocol):
    """What others ask commerce, and tell it."""

    def licence(self, number: str) -> Licence | None: ...

    def use(self, number: str) -> None: ...


@dataclass(slots=True)
class Country:
    """Every agency, and the knobs of each; `services.simulator.world.settled` fills it."""

    clock: Clock
    knobs: dict[str, Faults] = field(default_factory=dict)
    agencies: dict[str, Agency] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    """Of each organisation the folder that tells how it speaks."""
    insurers: dict[str, Cover] = field(default_factory=dict)
    banks: dict[str, Loans] = field(default_factory=dict)
    miit: Certificates = field(init=False)
    tax: Taxes = field(init=False)
    police: Register = field(init=False)
    commerce: Licences = field(init=False)

    def turned(self, organisation: str) -> Faults:
        """The knobs of an organisation as somebody turned them; none are where nobody did."""
        return self.knobs.get(organisation) or _HEALTHY

    def faults(self, organisation: str) -> Faults:
        """The knobs that hold at this moment: moods come and go."""
        return monsoon.effective(self.turned(organisation), organisation, self.clock.now())


_HEALTHY = Faults()
