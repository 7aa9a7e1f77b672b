"""What an organisation bears is shared out among dispatch's workers as its partitions are."""

from __future__ import annotations

import asyncio

import pytest

from contracts.topics import COMMAND_PARTITIONS
from services.runtime.record import Place
from services.runtime.settings import Settings
from tests.dispatch.office import office


def test_all_workers_together_call_no_more_than_one_alone(settings: Settings) -> None:
    """Two workers have all partitions between them; when one of them goes, the other has the whole."""

    async def run() -> None:
        async with office(settings) as one, office(settings, slot="1") as other:
            gates = [desk.deliveries().attempts.gate for desk in (one, other)]
            for partition in range(COMMAND_PARTITIONS):
                await (one if partition < 2 else other).take(partition=partition)
            assert [gate.share for gate in gates] == [pytest.approx(1 / 3), pytest.approx(2 / 3)]
            assert sum(gate.allowed for gate in gates) <= gates[0].concurrency
            gone = [Place("police.commands", partition) for partition in range(2)]
            one.deliveries().leaving(gone)
            for partition in range(2):
                await other.take(partition=partition, generation=2)
            assert gates[1].allowed == gates[1].concurrency

    asyncio.run(run())
