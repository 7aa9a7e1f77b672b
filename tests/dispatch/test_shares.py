"""What an organisation bears is shared out among dispatch's workers as its partitions are."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from contracts.topics import COMMAND_PARTITIONS
from services.runtime.gate import Gate, Slot
from services.runtime.record import Place
from services.runtime.settings import Settings
from tests.dispatch.office import office
from tests.dispatch.workshop import until


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


def test_who_waits_goes_as_soon_as_the_share_grows(settings: Settings) -> None:
    """Nobody has to end a call for that."""

    async def run() -> None:
        async with office(settings) as desk, AsyncExitStack() as calls:
            await desk.take(partition=0)
            gate = desk.deliveries().attempts.gate
            for _ in range(gate.allowed):
                await calls.enter_async_context(_slot(gate))
            waiting = asyncio.create_task(calls.enter_async_context(_slot(gate)))
            await until(lambda: gate.waiting == 1)
            await desk.take(partition=1)
            await waiting
            assert gate.waiting == 0

    asyncio.run(run())


def _slot(gate: Gate) -> Slot:
    return gate.slot(lambda: None, 60.0)
