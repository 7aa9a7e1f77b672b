"""One stack on which everything has happened, and all that was found of the canaries afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp
import pytest

from services.runtime import leaps
from services.scenario.stage import Stage
from services.stack import jars, lifecycle
from services.stack.data import DataFolder
from services.stack.lifecycle import Launch
from services.stack.running import Running
from tests.canaries.forms import Canary
from tests.canaries.net import Found, Net
from tests.canaries.places import everything
from tests.canaries.play import BEGAN, CARS, canaries, play
from tests.canaries.subscribers import opened, subscribe
from tests.canaries.town import PATIENCE_S, Piece, Town
from tests.canaries.typed import published, typed

_LEARNT: Final = {
    "plate.reserve": {"hphm": "plate_no"},
    "registration.register": {"djzsbh": "reg_cert_no"},
    "loan.apply": {"contractNo": "loan_contract_no"},
    "mortgage.register": {"dydjh": "mortgage_no"},
}
"""What agencies make up themselves: by operation and their own name of it, ours."""


@dataclass(frozen=True, slots=True)
class Aftermath:
    """Which canaries were let fly, what was looked through, and what of them was found where."""

    canaries: tuple[Canary, ...]
    places: frozenset[str]
    found: frozenset[tuple[str, Found]]
    verdict: Mapping[str, Any]
    """What the independent checker said."""

    def seen(self, canary: Canary) -> bool:
        """Whether it got anywhere at all, written plainly."""
        return any(found.canary == canary and found.form in {"raw", "json"} for _, found in self.found)


@pytest.fixture(scope="session")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    """Everything has happened; the stack is down again, and its clock is nobody's any more."""
    folder = DataFolder(tmp_path_factory.mktemp("canaries") / "data")
    lifecycle.prepare(folder, _fetch, kafka=True)
    subscribe(folder)
    clock = folder.root / "clock.json"
    leaps.set_out(clock, BEGAN)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TONGCHE_CLOCK_FILE", str(clock))
        try:
            stack = Running(folder, lifecycle.up(folder, Launch(), lambda _: None))
            return asyncio.run(_played(stack))
        finally:
            lifecycle.down(folder)


def _fetch(missing: list[jars.Jar]) -> jars.Report:
    raise AssertionError(f"{len(missing)} jars are missing")


async def _played(stack: Running) -> Aftermath:
    async with Stage(stack, PATIENCE_S) as stage, aiohttp.ClientSession() as http:
        town = Town(stage, http)
        watching = asyncio.create_task(stage.watch())
        try:
            await play(town)
        finally:
            watching.cancel()
        known = (*canaries(), *_learnt(town))
        return await asyncio.to_thread(_searched, known, stack, town.heard)


def _learnt(town: Town) -> Iterator[Canary]:
    for case, car in CARS.items():
        told = {
            (ours, str(result[theirs]))
            for operation, result in town.results(car.vin)
            for theirs, ours in _LEARNT.get(operation, {}).items()
            if theirs in result
        }
        yield from (Canary(case, field, value) for field, value in sorted(told))


def _searched(known: tuple[Canary, ...], stack: Running, heard: Iterable[Piece]) -> Aftermath:
    net = Net(known)
    places: set[str] = set()
    found: set[tuple[str, Found]] = set()
    verdict: dict[str, Any] = {}
    with TemporaryDirectory() as own, TemporaryDirectory() as into:
        pieces = chain(
            heard,
            [published(stack, Path(own, "sales.csv"))],
            typed(stack, Path(into)),
            everything(stack),
            opened(stack.folder, stack.folder.root / "evidence" / "topics"),
        )
        for place, data in pieces:
            places.add(place)
            if place == "typed:check":
                verdict = json.loads(data.splitlines()[-1])
            found.update((place, one) for one in net.found_in(data))
    return Aftermath(known, frozenset(places), frozenset(found), verdict)
