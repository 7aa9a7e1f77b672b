"""Scenarios in a simulated country."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.simulator.city import Moment, Play, Scenario, running


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scenario in a country that lives in the test's folder; played again, it goes on where it was."""
    clock = Moment()

    async def played(scenario: Scenario) -> None:
        async with asyncio.timeout(60), running(tmp_path, clock, lambda: 0.5) as city:
            await scenario(city)

    return lambda scenario: asyncio.run(played(scenario))
