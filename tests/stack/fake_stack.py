"""The supervisor with small services in place of ours, as a process: FAKES names them, `name:manner`, by spaces."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from services.runtime.settings import Settings
from services.stack.data import DataFolder
from services.stack.plan import Plan, Service
from services.stack.supervisor import supervise

SERVICE = str(Path(__file__).with_name("fake_service.py"))


async def no_topics(_settings: Settings) -> None:
    await asyncio.sleep(0)
    if os.environ.get("FAKE_TOPICS") == "refused":
        raise RuntimeError("no topics today")


def services(fakes: str) -> tuple[Service, ...]:
    """Build the table."""
    pairs = (word.split(":") for word in fakes.split())
    return tuple(Service(name, (SERVICE, name, manner), f"{name}_port", name) for name, manner in pairs)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--data", type=Path, required=True)
    folder = DataFolder(arguments.parse_args().data)
    supervise(Plan(folder, services(os.environ["FAKES"]), no_topics, grace=1.0, hang_s=2.0))
