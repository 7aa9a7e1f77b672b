"""Our certificate as the simulated agencies know it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from services.stack.identities import identity
from tests.simulator.city import SECRETS

US, OTHER = identity("tongche"), identity("tongche")


def register(folder: Path, who: dict[str, str] = US, theirs: Mapping[str, dict[str, str]] | None = None) -> None:
    """Have agencies that live in a folder know this certificate as ours, and these identities as their own."""
    told = SECRETS.model_dump(mode="json", exclude={"key_secret", "identities"})
    told |= {"key_secret": SECRETS.key_secret.hex(), "identities": {**(theirs or {}), "tongche": who}}
    (folder / "secrets.json").write_text(json.dumps(told), encoding="utf-8")
