"""Whoever speaks to what stands behind a link comes through it."""

from __future__ import annotations

from pathlib import Path

from services.chaos.schedule import LINKS
from services.stack.data import DataFolder
from services.stack.plan import SERVICES, Plan, wire


def test_every_link_is_told_in_place_of_what_stands_behind_it(tmp_path: Path) -> None:
    """The broker, the agencies by HTTP and by files, the door: services and people hear of the link's port alone."""
    fronts = {link: 1024 + number for number, link in enumerate(LINKS)}
    wiring = wire(Plan(DataFolder(tmp_path), fronts=fronts), {})
    told = {**wiring.environment(), **wiring.urls(SERVICES)}
    names = {
        "kafka": "TONGCHE_KAFKA",
        "simulator": "TONGCHE_SIMULATOR_URL",
        "simulator-sftp": "TONGCHE_SIMULATOR_SFTP_URL",
        "intake": "door",
    }
    assert {link: told[names[link]].rpartition(":")[2] for link in LINKS} == {
        link: str(port) for link, port in fronts.items()
    }
    assert not set(wiring.ports.values()) & set(fronts.values())
