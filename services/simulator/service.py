"""The simulator as a process of a stack: crash-only, like every service of ours, and it hears what is sold."""

from __future__ import annotations

import os

import uvloop

from observability import logs
from services.runtime import topics
from services.runtime.lanes import Lanes
from services.runtime.settings import Settings
from services.simulator.borrowers import Borrowers
from services.simulator.feed import HEARD, Ears, feed
from services.simulator.life import CRASHED, Company, country, lived
from services.simulator.makers import Makers
from services.simulator.pushes import pushes
from services.simulator.web import Doors


def run() -> None:
    """Run until told to stop (exit 0) or until something unplanned happens (exit 70)."""
    settings = Settings()
    logs.configure("simulator", settings.log_format)
    if uvloop.run(_live(settings)):
        raise SystemExit(CRASHED)


async def _live(settings: Settings) -> bool:
    premises = country(settings)
    world = premises.world
    certificates = pushes(world, settings)
    ears = Ears(Makers(world, certificates.uploaded), Borrowers(world))
    lanes = feed(settings, ears, os.environ.get("TONGCHE_SLOT", "0"))

    async def hear() -> None:
        await topics.wait_for(settings, set(HEARD))
        await lanes.run()

    doors = Doors(premises, settings.secret(), ready=lambda: _missing(lanes))
    company = Company({"makers": hear, "pushes": certificates.run}, farewell=lanes.stop)
    return await lived(doors, company, _unannounced)


def _unannounced(_: int) -> None:
    """A supervisor chose the port, and asks whether it is ready."""


def _missing(lanes: Lanes) -> list[str]:
    return [] if lanes.ready.is_set() else ["consumer simulator.makers"]
