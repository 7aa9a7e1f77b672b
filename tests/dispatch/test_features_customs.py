"""Customs as they would be over HTTP, looked up by car, exporter and licence: adapter and simulator together."""

from __future__ import annotations

import asyncio
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import ADAPTERS
from adapters.spec import Features
from services.runtime.record import Record
from services.runtime.settings import Settings
from tests.dispatch.agency import Customs
from tests.dispatch.workshop import AMPLE, Site, declaration, quick, until
from tests.simulator.city import VIN, City, Moment, running

LOST = {"success_then_timeout": 1.0, "forgetful": True}
"""An effect's answer is lost, and nobody there knows our keys."""


def _play(settings: Settings, folder: Path, knobs: dict[str, Any]) -> tuple[Site, City, Record]:
    """Declare a licensed car at the simulated customs; what the knobs say of shares happens the first time only."""
    chance = chain([0.0], repeat(1.0))

    async def scenario() -> tuple[Site, City, Record]:
        async with running(folder / "simulator", Moment(), lambda: next(chance)) as city:
            car = city.car()
            await car.through("licence-apply")
            await city.turn("customs", **knobs)
            where = Site(settings, city.base, Customs(), silence=city.silence)
            record = declaration(VIN, licence=car.known["licenseNo"])
            async with where.working() as worker:
                await worker.deliveries.handle(record, None)
                await worker.nothing_parked()
                await until(lambda: bool(where.states(record)))
            return where, city, record

    return asyncio.run(scenario())


def _asked(city: City) -> list[tuple[str, int]]:
    return [(line["operation"], line["status"]) for line in city.lines("requests") if line["organisation"] == "customs"]


def _released(city: City) -> list[str]:
    return [line["vin"] for line in city.lines("ledger") if line["operation"] == "export.declare"]


def test_a_lost_release_is_looked_up(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The declaration was accepted and the answer lost: it is found by its business key, not declared again."""
    monkeypatch.setitem(ADAPTERS, "customs", quick(ADAPTERS["customs"].features, in_place_for=AMPLE))
    where, city, record = _play(settings, tmp_path, LOST)
    assert _asked(city) == [("export.declare", 0), ("export.find", 200)]
    assert _released(city) == [VIN]
    (released,) = where.heard("export.released")
    assert released.vin == VIN
    assert where.states(record) == ["settled"]


def test_a_declaration_that_never_arrived_is_made_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Customs say 500 once and do nothing: they are asked, know nothing, and then get the declaration again."""
    monkeypatch.setitem(ADAPTERS, "customs", quick(ADAPTERS["customs"].features, in_place_for=AMPLE))
    where, city, record = _play(settings, tmp_path, {"error_rate": 1.0, "forgetful": True})
    first, *looked_up, last = _asked(city)
    assert (first, set(looked_up), last) == (("export.declare", 500), {("export.find", 404)}, ("export.declare", 200))
    assert _released(city) == [VIN]
    assert where.states(record)[-1] == "settled"


def test_a_promise_that_is_not_kept_would_refuse_a_car_that_went(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why features must be true: called again blindly, customs refuse the second declaration of what they released."""
    monkeypatch.setitem(ADAPTERS, "customs", quick(Features.IDEMPOTENT, in_place_for=AMPLE))
    where, city, record = _play(settings, tmp_path, LOST)
    assert _released(city) == [VIN]
    assert where.states(record) == ["refused"]
