"""Creates what the topics table lists and the broker lacks, and ends. Run by the service `topics`; safe to repeat."""

# ruff: noqa: INP001 - a script that a container runs, not a module
from __future__ import annotations

import asyncio

from services.runtime import topics
from services.runtime.settings import Settings

if __name__ == "__main__":
    asyncio.run(topics.ensure(Settings()))
