"""One organisation's deliveries, the lanes they come through, and what a person may decide about them."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.organisations import Organisation
from services.dispatch.deliveries import Deliveries
from services.runtime.lanes import Lanes

from .decisions import Decisions


@dataclass(frozen=True, slots=True)
class Counter:
    """Where people are served about one organisation."""

    deliveries: Deliveries
    lanes: Lanes
    decisions: Decisions

    @property
    def organisation(self) -> Organisation:
        """Whose it is."""
        return self.deliveries.attempts.agency.organisation
