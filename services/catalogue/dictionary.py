"""The dictionary of fields: every row of `contracts/fields.csv` with its types, an example and where it occurs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, get_args

from contracts.examples import values
from contracts.fields import FIELDS, Field, Party, Sight
from services.runtime.dataschema import current

from .published import all_versions
from .schema import leaves, type_words

PARTIES: Final[tuple[Party, ...]] = get_args(Party)


class Place(NamedTuple):
    """Where a field stands: in which version of which contract, under which path, and of what type."""

    contract: str
    version: int
    path: str
    required: bool
    type: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One field, and every place where it occurs; one that the rulebook names before any message uses it has none."""

    field: Field
    places: tuple[Place, ...]
    example: Any

    @property
    def types(self) -> tuple[str, ...]:
        """Its types, each once; more than one where the same word is narrower in some message."""
        return tuple(dict.fromkeys(place.type for place in self.places))

    @property
    def occurs(self) -> dict[str, tuple[int, ...]]:
        """The versions of each contract that have it."""
        found: defaultdict[str, dict[int, None]] = defaultdict(dict)
        for place in self.places:
            found[place.contract][place.version] = None
        return {contract: tuple(versions) for contract, versions in found.items()}

    @property
    def letters(self) -> str:
        """The parties that see anything of it."""
        return "".join(party for party in PARTIES if party in self.field.only_in or self.sight(party) != "denied")

    def told(self) -> dict[str, Any]:
        """For scripts."""
        row = self.field
        return {
            "name": row.name,
            "zh": row.zh,
            "en": row.en,
            "types": list(self.types),
            "unit": row.unit,
            "standard": row.standard,
            "class": row.grade,
            "personal": row.personal,
            "seen": {party: row.sights[party] for party in PARTIES},
            "only_in": row.only_in,
            "contracts": {name: list(versions) for name, versions in self.occurs.items()},
            "example": self.example,
        }

    def sight(self, party: Party) -> Sight:
        """What a party sees of it, in whatever contract."""
        return self.field.seen_by(party)


def dictionary() -> tuple[Entry, ...]:
    """Every field, in the order of the table."""
    places: defaultdict[str, list[Place]] = defaultdict(list)
    for name, place in _places():
        places[name].append(place)
    known = values()
    return tuple(Entry(field, tuple(places[name]), known.get(name)) for name, field in FIELDS.items())


def _places() -> Iterator[tuple[str, Place]]:
    for versions, number in all_versions():
        for leaf in leaves(current(versions, number)):
            yield leaf.name, Place(versions.name, number, leaf.path, leaf.required, type_words(leaf.schema))
