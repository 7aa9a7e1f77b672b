"""The scenarios, read once."""

from __future__ import annotations

import pytest

from services.scenario.catalogue import Scenario, chosen


@pytest.fixture(scope="session")
def scenarios() -> list[Scenario]:
    """All there are."""
    return chosen(["all"])
