"""The way to an organisation for as long as it answers where that leads.

Somebody may let it answer elsewhere while dispatch runs. From that moment nothing is taken to the party before, and to
the new one only by a process that began with it: all that this one remembers, it remembers of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.errors import Unavailable
from adapters.spec import Endpoint, Letter
from services.runtime.live import UnreadableActsError

from .carrier import Brought, Carrier


class Switched(Unavailable):
    """The way leads to whom it should not, or nobody can tell: nothing was said to anybody."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.args = (why,)


@dataclass(frozen=True, slots=True)
class Pinned:
    """A way that leads to `there`. `address` gives where the organisation answers now.

    `address` raises `UnreadableActsError` where nobody can tell.
    """

    way: Carrier
    there: str
    address: Callable[[], str]

    async def carry(self, endpoint: Endpoint, letter: Letter, key: str | None) -> Brought:
        """As `Carrier` says."""
        try:
            now = self.address()
        except UnreadableActsError:
            reason = "who is live cannot be read"
            raise Switched(reason) from None
        if now != self.there:
            reason = "answers elsewhere now"
            raise Switched(reason)
        return await self.way.carry(endpoint, letter, key)
