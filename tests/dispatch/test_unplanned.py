"""What nobody planned for stops one vehicle, never the others, and is never forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from adapters.police import ADAPTER
from adapters.registry import ADAPTERS
from adapters.spec import Operation
from services.runtime.settings import Settings
from tests.dispatch.test_deliveries import QUICK, VINS, Police, bench


def test_a_status_that_does_not_exist_stops_only_its_own_vehicle(
    kafka: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    """An agency answers 999: its command is parked, dispatch lives, the next vehicle is served."""
    monkeypatch.setitem(ADAPTERS, "police", QUICK)
    mad: list[str] = []

    async def play() -> None:
        async with bench(kafka, settings, Police(lambda _, key, __: (999, None) if key in mad else None)) as one:
            mad.append(await one.send(VINS[0], "R0"))
            await one.send(VINS[1], "S0")
            await until(lambda: one.police.of(VINS[1]) == ["S0"])
            while not (rows := await one.parked()):  # noqa: ASYNC110 - a table, which tells nobody
                await asyncio.sleep(0.02)
            assert rows[0].failure == "ambiguous"

    asyncio.run(play())


def test_a_mistake_of_ours_in_a_mapping_parks_the_command(
    kafka: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    """It waits with a class that calls the integrator; the process and the other vehicles go on."""

    def response(command: Any, reply: Any) -> Any:
        if command.vin == VINS[0]:
            raise ZeroDivisionError
        return _release().response(command, reply)

    monkeypatch.setitem(ADAPTERS, "police", _with(replace(_release(), response=response)))

    async def play() -> None:
        async with bench(kafka, settings, Police()) as one:
            await one.send(VINS[0], "R0")
            await one.send(VINS[1], "S0")
            await until(lambda: one.police.of(VINS[1]) == ["S0"])
            while not (rows := await one.parked()):  # noqa: ASYNC110 - a table, which tells nobody
                await asyncio.sleep(0.02)
            assert (rows[0].failure, rows[0].reason) == ("broken-answer", "unplanned: ZeroDivisionError")

    asyncio.run(play())


def _release() -> Operation:
    return ADAPTER.operations["plate.release"]


def _with(operation: Operation, **more: Any) -> Any:
    return replace(QUICK, operations={**QUICK.operations, "plate.release": operation}, **more)
