"""A broker whose clients come through a proxy: it advertises the proxy's port, not its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from services.chaos.proxy import Proxy
from services.stack import node
from tests.simulator import city
from tests.simulator.city import Play, Scenario


@dataclass(frozen=True, slots=True)
class Fronted:
    """A real broker that can be reached only through a link, which each test opens for itself."""

    port: int
    front: int

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.front}"

    def link(self, seed: int) -> AbstractAsyncContextManager[Proxy]:
        """The link, in clear weather."""
        return Proxy("127.0.0.1", self.port, Random(seed), port=self.front)


@pytest.fixture(scope="session")
def fronted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    with node.kafka(tmp_path_factory.mktemp("fronted"), fronted=True) as broker:
        assert broker.front is not None
        yield Fronted(broker.port, broker.front)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Play a scenario in a simulated country, as the simulator's own tests do."""

    async def played(scenario: Scenario) -> None:
        async with asyncio.timeout(120), city.running(tmp_path, city.Moment(), lambda: 0.5) as made:
            await scenario(made)

    return lambda scenario: asyncio.run(played(scenario))
