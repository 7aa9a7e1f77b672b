"""Who subscribes to what, by the operator's file and the table of fields alone, read by rules of our own.

Whoever gives too much away by a mistake in reading either would give it away to a judge that reads with the same code.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

Sight = Literal["full", "masked", "hashed", "yes_no"]
_LETTERS: Final[Mapping[str, Sight]] = {"F": "full", "M": "masked", "H": "hashed", "Y": "yes_no"}
_SEALED_GRADES: Final = frozenset({"G3", "G4"})
_ROLES: Final = {"O": ("seller", "maker"), "I": ("insurer",), "B": ("lender",), "E": ("exporter",)}
"""Of which organisations there are many, and as what a message must name them."""
_FREE_TEXT: Final = "reason"
_ANSWERS: Final = {
    "M": "miit.events",
    "T": "tax.events",
    "I": "insurer.events",
    "B": "bank.events",
    "P": "police.events",
    "X": "commerce.events",
    "C": "customs.events",
}
"""Where each party's own agency answers; a refusal is heard there alone."""
_REFUSED: Final = "agency.refused"
_WHO_MAY_KNOW: Final = """
sale.confirmed            O M T I P B X C E
sale.corrected            O M T I P B X C E
sale.cancelled            O M T I P B X C E
sale.returned             O   T I P
case.changed              O
coc.confirmed             O M T I P B X C E
invoice.issued            O   T I P B
invoice.reversed          O   T I P B
tax.assessed              O   T   P B
tax.paid                  O   T   P B
tax.refunded              O   T   P B
insurance.quoted          O   T I P B
insurance.bound           O   T I P B X C E
insurance.endorsed        O   T I P B X
insurance.cancelled       O   T I P B
loan.decided                        B
loan.withdrawn                      B
loan.settled                      P B
mortgage.cosigned                 P B
mortgage.registered       O     I P B X C E
mortgage.released         O     I P B X C E
plate.reserved            O     I P B X
plate.released            O       P
plate.dispatched          O       P
plate.delivered           O       P
registration.registered   O     I P B X   E
registration.deregistered O   T I P B X   E
elicence.issued           O       P
elicence.granted          O       P
elicence.verified         O       P
elicence.revoked          O       P
export.qualified          O           X C E
licence.issued            O       P   X C E
export.released               T   P   X C E
export.exited                 T   P   X C E
agency.refused              M T I P B X C
"""
"""Whom the matrix lets see anything of a contract but which car it is about: nobody else may learn that there is such a
message. What has no line is nobody's."""
_KNOWN_BY: Final = {line.split()[0]: frozenset(line.split()[1:]) for line in _WHO_MAY_KNOW.strip().splitlines()}
LOST_FROM: Final[Mapping[str, str]] = {
    "motor_nos": "motor_no",
    "amount_excl": "price",
    "vat": "price",
    "battery_excl": "price",
    "start_at": "start_date",
    "end_at": "end_date",
    "withheld": "vvt",
}
"""Of which field of an older version something is missing when a newer one's is lost."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one subscriber may see of one contract. Moments are seconds since 1970."""

    id: str
    subscriber: str
    party: str
    usccs: frozenset[str]
    jurisdiction: tuple[str, ...]
    has_key: bool
    contract: str
    version: int
    fields: tuple[str, ...]
    said: bool
    """Whether purpose, legal basis and end are."""
    since: float
    until: float

    @property
    def is_good(self) -> bool:
        """Whether it may be given at all: one field too many, and nothing of it may be told."""
        if self.party not in _KNOWN_BY.get(self.contract, ()):
            return False
        sights = [self.sight(name) for name in self.fields]
        needs_key = any(self.is_sealed(name) for name in self.fields)
        return self.said and bool(sights) and None not in sights and (self.has_key or not needs_key)

    def sight(self, name: str) -> Sight | None:
        """How a field that it names is shown; None where it is not."""
        row = _table().get(name)
        if row is None or name not in self.fields or name == _FREE_TEXT:
            return None
        if (self.contract, name) == ("case.changed", "code"):
            return None  # it is whichever agency's answer holds the case
        only = dict(pair.split("=", 1) for pair in row["only_in"].split()).get(self.party)
        if only is not None:
            return "full" if only == self.contract else None
        return _LETTERS.get(row[self.party])

    def is_sealed(self, name: str) -> bool:
        """Whether it goes encrypted for its recipient: graded G3 or G4, and seen in full."""
        return self.sight(name) == "full" and _table()[name]["grade"] in _SEALED_GRADES

    def hears(self, topic: str) -> bool:
        """Whether what stands on a topic may come to it at all."""
        return self.contract != _REFUSED or _ANSWERS.get(self.party) == topic

    def may_hear_of(self, lost: str) -> bool:
        """Whether it may be told that something was lost: it asks for the field of which it is a part."""
        return LOST_FROM.get(lost) in self.fields

    def is_concerned(self, concerns: str) -> bool:
        """Whether a message is one of its subscriber's; where nothing is said it is nobody's."""
        told = dict(part.partition("=")[::2] for part in concerns.split(";") if part)
        if not told:
            return False
        roles = _ROLES.get(self.party)
        if roles is not None and not any(told.get(role) in self.usccs for role in roles):
            return False
        return not self.jurisdiction or told.get("region", "").startswith(self.jurisdiction)


def grants(text: str) -> Iterator[Grant]:
    """Every grant of the file. Raises ValueError or KeyError for one that is none."""
    for subscriber in tomllib.loads(text).get("subscribers", ()):
        for grant in subscriber.get("grants", ()):
            yield _grant(subscriber, grant)


def _grant(subscriber: Mapping[str, Any], grant: Mapping[str, Any]) -> Grant:
    said = all(grant.get(name) for name in ("purpose", "legal_basis", "until", "fields"))
    return Grant(
        id=grant["id"],
        subscriber=subscriber["name"],
        party=subscriber["party"],
        usccs=frozenset(subscriber.get("usccs", ())),
        jurisdiction=tuple(subscriber["jurisdiction"]),
        has_key="key" in subscriber,
        contract=grant["contract"],
        version=grant["version"],
        fields=tuple(grant["fields"]),
        said=said,
        since=_seconds(grant.get("from"), 0.0),
        until=_seconds(grant.get("until"), 0.0),
    )


def _seconds(moment: datetime | None, otherwise: float) -> float:
    return otherwise if moment is None else moment.timestamp()


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    text = (files("contracts") / "fields.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["name"]: row for row in rows}
