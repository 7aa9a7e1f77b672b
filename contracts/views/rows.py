"""Which messages a subscriber may have at all: those that concern it, by what the envelope says. Deny by default."""

from __future__ import annotations

from collections.abc import Callable

from ..concerns import Concerns
from .subscriber import BY_USCC, Subscriber

Concerned = Callable[[Concerns | None], bool]


def concerned(subscriber: Subscriber) -> Concerned:
    """Whether a message with such concerns is one of this subscriber's; without any it is nobody's.

    An organisation that is one of many must be named itself. Whoever has a jurisdiction sees only what says where the
    car is registered: an export, which is registered nowhere, is outside every jurisdiction.
    """
    roles = BY_USCC.get(subscriber.party, ())
    usccs, places = subscriber.usccs, subscriber.jurisdiction

    def is_ours(concerns: Concerns | None) -> bool:
        if concerns is None or not any(concerns):
            return False
        if roles and not any(getattr(concerns, role) in usccs for role in roles):
            return False
        return not places or concerns.region.startswith(places)

    return is_ours
