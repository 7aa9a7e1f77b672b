"""The agencies' own reference tables, as data."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def table(name: str) -> Any:
    """One table of `services/simulator/tables`."""
    return json.loads((files("services.simulator") / "tables" / name).read_text(encoding="utf-8"))
