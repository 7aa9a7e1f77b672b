"""What consumers set aside because it was none of our messages."""

from __future__ import annotations

from dataclasses import dataclass, field

from .evidence import Raw

_PLACE = "tongche_poison_place"


@dataclass(slots=True)
class Poison:
    """The places from which something undecodable was set aside: a stranger's bytes, dealt with as designed."""

    places: set[str] = field(default_factory=set)

    def set_aside(self, record: Raw) -> None:
        """Note from where a record of a poison topic came."""
        self.places.add(record.header(_PLACE))

    def holds(self, record: Raw) -> bool:
        """Whether the record was set aside."""
        return f"{record.topic}/{record.partition}/{record.offset}" in self.places
