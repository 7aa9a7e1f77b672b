"""The agency of ours that is looked up by a business key: its adapter and the simulated commerce together.

`forgetful`: nobody there knows our keys, so nothing that is shown here rests on them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.registry import ADAPTERS
from adapters.spec import Features
from contracts.contract import Contract
from services.runtime.record import Record
from services.runtime.settings import Settings
from tests.dispatch.agency import Customs
from tests.dispatch.workshop import AMPLE, Site, as_record, quick, until
from tests.simulator.city import VIN, City, Moment, recorded, running

COMMERCE: Final = ADAPTERS["commerce"]
LOST: Final[dict[str, Any]] = {"success_then_timeout": 1.0}
"""The licence is issued, and nobody hears of it."""


@dataclass
class Town:
    """Where one car's licence is applied for."""

    settings: Settings
    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def play(self, command: str, *, features: Features = COMMERCE.features, **knobs: Any) -> tuple[Site, City, Record]:
        """Ask commerce for something about a car; what the knobs say of shares happens the first time only."""
        self.monkeypatch.setitem(ADAPTERS, "commerce", quick(features, COMMERCE, in_place_for=AMPLE))
        return asyncio.run(self._played(command, knobs, chain([0.0], repeat(1.0))))

    async def _played(self, command: str, knobs: dict[str, Any], chance: Iterator[float]) -> tuple[Site, City, Record]:
        async with running(self.folder / "simulator", Moment(), lambda: next(chance)) as city:
            told = await _arranged(city, command)
            said = await city.turn("commerce", forgetful=True, **knobs)
            assert said.status == 200, said
            where = Site(self.settings, city.base, Customs(), organisation="commerce", silence=city.silence)
            record = as_record(told, "commerce.commands")
            async with where.working() as worker:
                await worker.deliveries.handle(record, None)
                await worker.nothing_parked()
                await until(lambda: bool(where.states(record)))
            return where, city, record


async def _arranged(city: City, command: str) -> Contract:
    """The command, once what it rests on is there."""
    told = recorded(command.replace(".", "-")).told()
    if command == "licence.apply":
        car = city.car()
        await car.through("export-qualify")
        told = told.model_copy(update={"qualification_no": car.known["verificationNo"]})
    return told


@pytest.fixture
def town(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    """A country of the test's own."""
    return Town(settings, tmp_path, monkeypatch)


def _asked(city: City, *, since: str = "licence") -> list[tuple[str, int]]:
    lines = [line for line in city.lines("requests") if line["operation"].startswith(since)]
    return [(line["operation"], line["status"]) for line in lines]


def _licences(city: City) -> list[str]:
    return [line["result"]["licenceNo"] for line in city.lines("ledger") if line["operation"] == "licence.apply"]


def test_a_lost_licence_is_looked_up(town: Town) -> None:
    """It was issued and the answer lost: it is found by car, exporter, check and day, and not applied for again."""
    where, city, record = town.play("licence.apply", **LOST)
    assert _asked(city) == [("licence.apply", 0), ("licence.find", 200)]
    (issued,) = where.heard("licence.issued")
    assert (issued.vin, [issued.licence_no]) == (VIN, _licences(city))
    assert where.states(record) == ["settled"]


@pytest.mark.parametrize(
    "knobs", [{"garbage": 1.0}, {"wrong_schema": 1.0}, {"huge": 1.0}], ids=lambda knobs: next(iter(knobs))
)
def test_a_licence_in_an_answer_that_cannot_be_believed_is_looked_up(town: Town, knobs: dict[str, Any]) -> None:
    """As if there had been none."""
    where, city, record = town.play("licence.apply", **knobs)
    assert [one for one, _ in _asked(city)] == ["licence.apply", "licence.find"]
    assert [one.licence_no for one in where.heard("licence.issued")] == _licences(city)
    assert where.states(record) == ["settled"]


@pytest.mark.parametrize(("knobs", "status"), [({"error_rate": 1.0}, 500), ({"hang": 1.0}, 0)], ids=["500", "hang"])
def test_an_application_that_did_nothing_is_made_again(town: Town, knobs: dict[str, Any], status: int) -> None:
    """Commerce is asked, knows nothing until a slow call would have settled, and then gets the application again."""
    where, city, record = town.play("licence.apply", **knobs)
    first, *looked_up, last = _asked(city)
    assert (first, last) == (("licence.apply", status), ("licence.apply", 200))
    assert set(looked_up) == {("licence.find", 404)}
    assert [one.licence_no for one in where.heard("licence.issued")] == _licences(city)
    assert len(_licences(city)) == 1
    assert where.states(record)[-1] == "settled"


def test_a_promise_that_is_not_kept_would_license_a_car_twice(town: Town) -> None:
    """Why features must be true: called again blindly, who knows no keys issues another licence."""
    _, city, _ = town.play("licence.apply", features=Features.IDEMPOTENT, **LOST)
    assert len(set(_licences(city))) == 2


def test_a_check_of_the_qualification_is_only_a_question(town: Town) -> None:
    """Whatever became of the first, it is asked again without looking anything up: the car has one more check."""
    where, city, record = town.play("export.qualify", wrong_schema=1.0)
    assert _asked(city, since="") == [("export.qualify", 200), ("export.qualify", 200)]
    assert [one.vin for one in where.heard("export.qualified")] == [VIN]
    assert where.states(record) == ["settled"]
