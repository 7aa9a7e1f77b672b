"""What consumers set aside because it was none of our messages."""

from __future__ import annotations

from dataclasses import dataclass, field

from .evidence import Raw

_OURS = "urn:tongche:"
_PLACE = "tongche_poison_place"


@dataclass(slots=True)
class Poison:
    """The places from which something undecodable was set aside: a stranger's bytes, dealt with as designed."""

    places: set[str] = field(default_factory=set)

    def set_aside(self, record: Raw) -> None:
        """Note from where a record of a poison topic came."""
        self.places.add(record.header(_PLACE))

    def strange(self, record: Raw) -> bool:
        """Whether a stranger's record was set aside: nobody of ours reads it any more, and nobody of ours wrote it."""
        return self.holds(record) and not record.header("ce_source").startswith(_OURS)

    def holds(self, record: Raw) -> bool:
        """Whether the record was set aside."""
        return f"{record.topic}/{record.partition}/{record.offset}" in self.places
