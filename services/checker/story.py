"""Everything the evidence tells about one vehicle, in the order of each source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final

from contracts.topics import AGENCIES

from .findings import Finding, masked

_ANSWERS: Final = frozenset(f"{agency}.events" for agency in AGENCIES)

Position = tuple[int, int]
"""Partition and offset."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a publisher was told."""

    where: str
    id: str
    source: str
    sourceid: str
    status: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message of ours about the vehicle; `told` holds the few fields that a rule reads."""

    topic: str
    at: Position
    key: str
    id: str
    name: str
    case: str
    cause: str
    told: dict[str, Any]

    @property
    def where(self) -> str:
        return f"{self.topic}[{self.at[0]}]@{self.at[1]}"

    @property
    def is_answer(self) -> bool:
        return self.topic in _ANSWERS


@dataclass(frozen=True, slots=True)
class Effect:
    """A line of the agencies' own ledger; `number` is its place in that file."""

    number: int
    at: str
    organisation: str
    operation: str
    key: str

    @property
    def where(self) -> str:
        return f"ledger.jsonl:{self.number}"


@dataclass(frozen=True, slots=True)
class Case:
    """The journey's own account of a case."""

    where: str
    id: str
    kind: str
    headline: str
    owner: str | None
    facets: dict[str, dict[str, Any]]
    timers: tuple[datetime, ...]


@dataclass(frozen=True)
class Story:
    """One vehicle. Messages are sorted by topic, partition and offset, the effects as the ledger has them."""

    vin: str
    acknowledged: tuple[Acknowledged, ...] = ()
    messages: tuple[Spoken, ...] = ()
    effects: tuple[Effect, ...] = ()
    cases: tuple[Case, ...] = ()
    certified_at: datetime | None = None

    def finding(self, what: str, where: str, about: str = "", case: str = "") -> Finding:
        return Finding(what, where, about, case, masked(self.vin))

    def named(self, name: str) -> Iterator[Spoken]:
        """The messages of one contract."""
        return (message for message in self.messages if message.name == name)

    @cached_property
    def sales(self) -> dict[str, Spoken]:
        """Confirmed sales by case."""
        return {sale.case: sale for sale in self.named("sale.confirmed")}

    @cached_property
    def published(self) -> dict[str, str]:
        """Everything that was published about the sale: id to case."""
        return {message.id: message.case for message in self.messages if message.topic == "sale.events"}

    @cached_property
    def corrected(self) -> frozenset[str]:
        """Cases whose sale the maker corrected."""
        return frozenset(message.case for message in self.named("sale.corrected"))

    @cached_property
    def held(self) -> dict[str, set[str]]:
        """Facets that were ever held, by case."""
        found: dict[str, set[str]] = {}
        for change in self.named("case.changed"):
            found.setdefault(change.case, set()).update(change.told["held"])
        return found

    @cached_property
    def commands(self) -> dict[str, Spoken]:
        """By id, in topic order; a re-sent command counts where it came first."""
        found: dict[str, Spoken] = {}
        for message in self.messages:
            if message.topic.endswith(".commands"):
                found.setdefault(message.id, message)
        return found

    @cached_property
    def answers(self) -> dict[str, Spoken]:
        """What an agency answered, by the command's id."""
        return {message.cause: message for message in reversed(self.messages) if message.is_answer}

    @cached_property
    def case_by_id(self) -> dict[str, Case]:
        return {case.id: case for case in self.cases}

    def answered(self, effect: Effect, name: str) -> Any:
        """A field of the agency's answer to the command that had this effect; None while there is none."""
        answer = self.answers.get(effect.key)
        return answer.told.get(name) if answer else None

    def case_of(self, effect: Effect) -> str:
        command = self.commands.get(effect.key)
        return command.case if command else ""

    def invoice_date(self, case: str) -> date | None:
        """The day that chooses the packs: the invoice's, else the sale's."""
        issued = [message.told["invoice_date"] for message in self.named("invoice.issued") if message.case == case]
        sold = [self.sales[case].told["sold_on"]] if case in self.sales else []
        return date.fromisoformat((issued or sold)[-1]) if issued or sold else None
