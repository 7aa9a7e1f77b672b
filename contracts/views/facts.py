"""What a message tells by being there at all, and what no view tells whatever the matrix says of its field.

That somebody was told of a loan decision is itself a fact about a buyer. So whoever may see none of a contract's own
facts may not have its messages either, also not with the vehicle alone.
"""

from __future__ import annotations

from typing import Final

from ..fields import FIELDS, Party, field_names
from ..versions import Versions

FREE_TEXT: Final = frozenset({"reason"})
"""What a person wrote: a name or a telephone may stand in it, so only those read it whom we give an order by it."""
_ABOUT: Final = frozenset({"vin", "invoiced_vin", "organisation", "command", "code"}) | FREE_TEXT
"""Of which car something is and whose word it is: no fact of its own."""
_TELLS_ITSELF: Final = frozenset({"sale.cancelled", "agency.refused"})
"""They have no fact but that they are there: a sale that is off, to whom it concerned; a refusal, to those for whom
the agency answers (`Subscriber.topics_of`)."""


def may_know(party: Party, versions: Versions) -> bool:
    """Whether a party may learn that there is such a message: it may see some fact of it, in any version."""
    facts = frozenset().union(*map(field_names, versions.models)) - _ABOUT
    if not facts:
        return versions.name in _TELLS_ITSELF
    return any(name in FIELDS and FIELDS[name].seen_by(party, versions.name) != "denied" for name in facts)


def is_anothers_word(name: str, versions: Versions) -> bool:
    """Whether a field repeats what some agency answered, whichever it was: the code by which a case is held."""
    return name == "code" and versions.owner == "tongche"
