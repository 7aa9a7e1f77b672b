"""A simulated world has much to say; who repeats a seed reads its story, not the services' logs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from tests.simulation.world import World


@pytest.fixture(autouse=True, scope="package")
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture
def world_of() -> Iterator[Callable[[int], World]]:
    """Makes worlds from seeds, and ends them."""
    made: list[World] = []

    def make(seed: int) -> World:
        made.append(World(seed))
        return made[-1]

    yield make
    for world in made:
        world.end()
