"""A simulated world has much to say; who repeats a seed reads its story, not the services' logs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from tests.simulation.disk import device
from tests.simulation.world import World
from tests.stores import databases


@pytest.fixture(autouse=True, scope="package")
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def postgresql(postgres: str, _tables: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with dispatch's tables, for one world after the other."""
    with databases(tmp_path_factory.mktemp("simulation"), postgres, _tables) as made:
        url = made.ready().database
        assert url is not None
        yield url
        device(url).engine.dispose()


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
