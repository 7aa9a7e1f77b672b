"""The dictionary: what every field means, how it is classed, and which party may see it.

The rows stand in `fields.csv`; the visibility columns are rulebook §4's matrix.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, get_args

from pydantic import BaseModel

from .contract import Contract

Party = Literal["O", "M", "T", "I", "P", "B", "X", "C", "E"]
"""O dealer or maker, M MIIT, T tax, I insurer, P police, B bank, X commerce, C customs, E exporter."""
Sight = Literal["full", "masked", "hashed", "yes_no", "denied"]
"""Masked, hashed and yes or no are the rulebook's ◐; which of them suits a field stands in the table."""
Grade = Literal["G1", "G2", "G3", "G4"]

PARTY_OF: Final[dict[str, Party]] = {
    "miit": "M",
    "tax": "T",
    "insurer": "I",
    "bank": "B",
    "police": "P",
    "commerce": "X",
    "customs": "C",
}
_SIGHTS: Final[dict[str, Sight]] = {
    "F": "full",
    "M": "masked",
    "H": "hashed",
    "Y": "yes_no",
    "": "denied",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One row of the dictionary. `personal` is "", "PI" or, for sensitive personal information, "SPI"."""

    name: str
    zh: str
    en: str
    unit: str
    standard: str
    grade: str
    personal: str
    sights: dict[str, Sight]
    only_in: dict[str, str]

    def seen_by(self, party: Party, contract: str = "") -> Sight:
        """What `party` may see of it; deny by default. Some fields are for one contract only."""
        only = self.only_in.get(party)
        if only is not None:
            return "full" if only == contract else "denied"
        return self.sights[party]


def _load() -> dict[str, Field]:
    parties = get_args(Party)
    table = (files(__package__) / "fields.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in table.splitlines() if not line.startswith("#"))
    return {
        row["name"]: Field(
            **{key: row[key] for key in ("name", "zh", "en", "unit", "standard", "grade", "personal")},
            sights={party: _SIGHTS[row[party]] for party in parties},
            only_in=dict(pair.split("=", 1) for pair in row["only_in"].split()),
        )
        for row in rows
    }


FIELDS: Final = _load()
PERSONAL: Final = frozenset(field.name for field in FIELDS.values() if field.personal)


@cache
def field_names(model: type[BaseModel]) -> frozenset[str]:
    """The names of all leaves of a contract, those of its parts included."""
    names: set[str] = set()
    for name, info in model.model_fields.items():
        parts = list(parts_of(info.annotation))
        names.update(*(field_names(part) for part in parts)) if parts else names.add(name)
    return frozenset(names)


@cache
def words_of(model: type[BaseModel]) -> frozenset[str]:
    """All names that a contract uses: those of its leaves, and those of the groups that they stand in."""
    parts = [part for info in model.model_fields.values() for part in parts_of(info.annotation)]
    return frozenset(model.model_fields).union(*map(words_of, parts))


def parts_of(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for argument in get_args(annotation) for part in parts_of(argument)]


@cache
def grade_of(model: type[Contract]) -> str:
    """The class of a message is that of its most sensitive field."""
    return max((FIELDS[name].grade for name in field_names(model)), default="G1")
