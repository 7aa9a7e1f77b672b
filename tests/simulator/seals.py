"""Our certificate as the simulated agencies know it."""

from __future__ import annotations

import json
from pathlib import Path

from services.stack.identities import identity
from tests.simulator.city import SECRETS

US, OTHER = identity("tongche"), identity("tongche")


def register(folder: Path, who: dict[str, str] = US) -> None:
    """Have agencies that live in a folder know this certificate as ours."""
    told = SECRETS.model_dump(mode="json", exclude={"key_secret", "identities"})
    told |= {"key_secret": SECRETS.key_secret.hex(), "identities": {"tongche": who}}
    (folder / "secrets.json").write_text(json.dumps(told), encoding="utf-8")
