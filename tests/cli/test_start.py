"""A verb answers at once: what is slow to load is loaded by the verb that needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SLOW = {"aiohttp", "aiokafka", "fastapi", "faststream", "opentelemetry", "sqlalchemy"}


def test_no_verb_pays_for_another() -> None:
    """All verbs are put together without a client of Kafka, of a database, of HTTP or of telemetry."""
    program = "import sys; from services.cli import application; application(); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not SLOW & set(told.stdout.split())
