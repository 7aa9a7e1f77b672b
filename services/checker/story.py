"""Everything the evidence tells about one vehicle, in the order of each source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final

from contracts.topics import AGENCIES

from .expectations import delivery_of
from .findings import Finding, masked

_ANSWERS: Final = frozenset(f"{agency}.events" for agency in AGENCIES)
_ENDED: Final = frozenset({"settled", "refused", "cancelled"})

Position = tuple[int, int]
"""Partition and offset."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a publisher was told."""

    where: str
    at: float
    id: str
    source: str
    sourceid: str
    status: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message of ours about the vehicle; `told` holds the few fields that a rule reads.

    `sent` is when Kafka was given it, in seconds since 1970, `digest` tells its content from any other.
    """

    topic: str
    at: Position
    sent: float
    digest: int
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


@dataclass(frozen=True)
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

    @cached_property
    def delivery(self) -> str:
        """The delivery that the key belongs to; see `delivery_of`."""
        return delivery_of(self.key)[0]

    @cached_property
    def revision(self) -> int:
        """How often a person had edited the command, plus one."""
        return delivery_of(self.key)[1]


@dataclass(frozen=True, slots=True)
class Case:
    """The journey's own account of a case."""

    where: str
    id: str
    kind: str
    headline: str
    version: int
    changed: float
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
    def pays_cash(self) -> frozenset[str]:
        """Cases whose buyer dropped the loan."""
        return frozenset(message.case for message in self.named("sale.corrected") if message.told.get("pay_cash"))

    def is_return(self, case: str) -> bool:
        """Whether a case is that of a registered car that went back."""
        found = self.case_by_id.get(case)
        return found is not None and found.kind == "returned-car"

    def sold(self, case: str) -> Spoken | None:
        """The sale of a case; for a car that went back, the newest one of it that came to its end."""
        if not self.is_return(case):
            return self.sales.get(case)
        closed = (sale for id_, sale in self.sales.items() if id_ in self.case_by_id)
        ended = [sale for sale in closed if self.case_by_id[sale.case].headline == "CLOSED"]
        return max(ended, key=lambda sale: sale.sent, default=None)

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
    def deliveries(self) -> dict[str, Spoken]:
        """What was said last about each delivery."""
        said = (one for one in self.named("delivery.changed") if not one.topic.endswith(".dead"))
        return {one.told["delivery_id"]: one for one in said}

    @cached_property
    def decided(self) -> frozenset[str]:
        """Deliveries about which a person has decided; one that only waits for a person is dead."""
        return frozenset(
            one.told["delivery_id"]
            for one in self.named("delivery.changed")
            if one.told["failure"] == "person" and one.told["state"] in {"parked", "cancelled"}
        ) | frozenset(effect.delivery for effect in self.effects if effect.revision > 1)

    @cached_property
    def told_version(self) -> dict[str, int]:
        """The newest version of each case that everybody has heard of."""
        found: dict[str, int] = {}
        for change in self.named("case.changed"):
            found[change.case] = max(change.told["version"], found.get(change.case, 0))
        return found

    def moves(self, case: Case) -> bool:
        """Whether the case was read after what the topics tell of it, which is so on a stack at work."""
        return case.version > self.told_version.get(case.id, 0)

    def ended(self, delivery: str) -> float | None:
        """When a delivery came to its end; None while it has not."""
        last = self.deliveries.get(delivery)
        return last.sent if last and last.told["state"] in _ENDED else None

    def left_to_person(self, effect: Effect) -> bool:
        """An effect whose answer never came, and a person decided what to make of it: no rule may know better."""
        return effect.delivery in self.decided and effect.delivery not in self.answers

    @cached_property
    def answers(self) -> dict[str, Spoken]:
        """What an agency answered, by the command's id."""
        return {message.cause: message for message in reversed(self.messages) if message.is_answer}

    @cached_property
    def case_by_id(self) -> dict[str, Case]:
        return {case.id: case for case in self.cases}

    def answered(self, effect: Effect, name: str) -> Any:
        """A field of the agency's answer to the command that had this effect; None while there is none."""
        answer = self.answers.get(effect.delivery)
        return answer.told.get(name) if answer else None

    def ground_of(self, effect: Effect) -> str | None:
        """The legal ground on which it was asked for, where one had to be named."""
        command = self.commands.get(effect.delivery)
        told = command.told if command else {}
        return told.get("cancel_ground") or told.get("reclaim_basis")

    def declared_on(self, effect: Effect) -> date | None:
        """The day of a declaration, by the command that had this effect."""
        command = self.commands.get(effect.delivery)
        told = command.told.get("declared_on") if command else None
        return date.fromisoformat(told) if told else None

    def surcharged(self, case: str) -> bool:
        """Whether a tax office told a case that lateness costs it something."""
        return any(said.told.get("surcharge") for said in self.named("tax.assessed") if said.case == case)

    def case_of(self, effect: Effect) -> str:
        command = self.commands.get(effect.delivery)
        return command.case if command else ""

    def invoice_date(self, case: str) -> date | None:
        """The day that chooses the packs: the invoice's, else the sale's."""
        issued = [message.told["invoice_date"] for message in self.named("invoice.issued") if message.case == case]
        sold = [self.sales[case].told["sold_on"]] if case in self.sales else []
        return date.fromisoformat((issued or sold)[-1]) if issued or sold else None
