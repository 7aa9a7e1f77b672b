"""Simulated agencies without a broker: nobody sells cars here, so no maker uploads a certificate by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.runtime.settings import Settings
from services.simulator.faults import Faults
from services.simulator.life import Company, country, lived
from services.simulator.mishaps import Chance
from services.simulator.web import Doors


@dataclass(frozen=True, slots=True)
class Turned:
    """How they begin: who is shown first, and which knobs are turned at whom; None turns them back."""

    home: str
    faults: Mapping[str, Faults | None]


async def alone(settings: Settings, turned: Turned, chance: Chance, ready: Callable[[int], None]) -> bool:
    """Serve until told to stop; `ready` hears the port. Whether something unplanned ended it."""
    premises = country(settings, chance)
    for organisation, faults in turned.faults.items():
        premises.world.turn(organisation, faults)
    return await lived(Doors(premises, settings.secret(), home=turned.home), Company(), ready)
