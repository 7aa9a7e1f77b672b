"""Which losses of a downcast a subscriber is told: those of what its grant asks for, in the words of its version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ..fields import FIELDS, Party, field_names, parts_of
from ..versions import Versions
from .subscriber import Grant

BEFORE: Final[Mapping[str, str]] = {
    "motor_nos": "motor_no",
    "amount_excl": "price",
    "vat": "price",
    "battery_excl": "price",
    "start_at": "start_date",
    "end_at": "end_date",
}
"""What a field was called when it said less, under which an older version's grant asks for it."""


def tellable(party: Party, grant: Grant, versions: Versions) -> frozenset[str]:
    """Of what the downcasts to a grant's version may lose, that of which it asks for a field that its party may see.

    What was never said in the older version, as the loan, nobody can have asked for: that there was one is not told.
    """
    return frozenset(
        name
        for number, loss in enumerate(versions.losses[grant.version - 1 :], start=grant.version + 1)
        for name in loss.fields
        if any(_asks(party, grant, leaf) for leaf in _leaves(versions, number, name))
    )


def _asks(party: Party, grant: Grant, leaf: str) -> bool:
    is_asked = leaf in grant.fields or BEFORE.get(leaf) in grant.fields
    return is_asked and leaf in FIELDS and FIELDS[leaf].seen_by(party, grant.contract) != "denied"


def _leaves(versions: Versions, number: int, name: str) -> Iterator[str]:
    """A field of one version by its name, or those inside the group that it names."""
    parts = parts_of(versions.model(number).model_fields[name].annotation)
    if not parts:
        yield name
    for part in parts:
        yield from field_names(part)
