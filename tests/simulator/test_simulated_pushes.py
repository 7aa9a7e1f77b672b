"""MIIT tells of certificates as their makers upload them, in our contract, at the door for notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from contracts.faults import faults_of
from contracts.registry import resolve
from contracts.sale import SaleCorrectedV1
from services.simulator import pushes
from services.simulator.makers import Makers
from services.simulator.pushes import Pushes
from tests.simulator.city import VIN, City, Play
from tests.simulator.test_simulated_makers import SALE, told


@dataclass
class Door:
    """Where notices are given; it answers these one after another, and then 202."""

    answers: list[int] = field(default_factory=list)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.heard.append((request.headers["Authorization"], await request.json()))
        return web.Response(status=self.answers.pop(0) if self.answers else 202)

    async def until(self, many: int) -> None:
        """Until so many were given."""
        async with asyncio.timeout(60):
            while len(self.heard) < many:  # noqa: ASYNC110 - the door tells nobody
                await asyncio.sleep(0.01)


@asynccontextmanager
async def sharing(city: City, *answers: int) -> AsyncIterator[tuple[Makers, Door]]:
    """Makers whose certificates are told of at a door."""
    door = Door(list(answers))
    app = web.Application()
    app.router.add_post("/notices", door.take)
    async with TestServer(app, host="127.0.0.1") as server:
        certificates = Pushes(city.world, str(server.make_url("/notices")), "miits-token")
        running = asyncio.create_task(certificates.run())
        try:
            yield Makers(city.world, certificates.uploaded), door
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def test_an_uploaded_certificate_is_told_as_it_is_on_record(play: Play) -> None:
    """By MIIT's token, in the words of the contract; a correction is another notice, the same one has its old id."""

    async def scenario(city: City) -> None:
        await city.turn("miit", pushes=True)
        async with sharing(city) as (makers, door):
            for number in (1, 1):
                await makers.hear(told(SALE, number))
            await door.until(1)
            await makers.hear(told(SaleCorrectedV1(vin=VIN, motor_no="TZ213XS0002", reason="更正"), 2))
            await door.until(2)
        (token, first), (_, second) = door.heard
        assert token == "Bearer miits-token"
        versions, number = resolve(first["type"])
        event, faults = faults_of(versions.model(number), first["data"])
        assert (faults, event and vars(event)["motor_no"], versions.owner) == ((), "TZ213XS0001", "miit")
        assert (second["data"]["motor_no"], second["id"] != first["id"]) == ("TZ213XS0002", True)
        assert VIN not in first["id"]

    play(scenario)


def test_a_door_that_is_away_is_asked_again_and_then_left(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment later, a few times; what is refused is not said again. Whoever did not hear it asks."""
    monkeypatch.setattr(pushes, "_PAUSES_S", (0.01, 0.01))

    async def scenario(city: City) -> None:
        await city.turn("miit", pushes=True)
        async with sharing(city, 503, 202, 422) as (makers, door):
            await makers.hear(told(SALE))
            await door.until(2)
            await makers.hear(told(SaleCorrectedV1(vin=VIN, motor_no="TZ213XS0002", reason="更正"), 2))
            await door.until(3)
            await makers.hear(told(SaleCorrectedV1(vin=VIN, motor_no="TZ213XS0003", reason="更正"), 3))
            await door.until(4)
        assert [heard["data"]["motor_no"][-1] for _, heard in door.heard] == ["1", "1", "2", "3"]

    play(scenario)


@pytest.mark.parametrize("knobs", [{}, {"pushes": True, "absent": [VIN]}], ids=["not turned so", "not arrived"])
def test_what_is_not_to_be_told_is_not(play: Play, knobs: dict[str, Any]) -> None:
    """Where the knob is not turned, or MIIT does not have it itself."""

    async def scenario(city: City) -> None:
        await city.turn("miit", **knobs)
        async with sharing(city) as (makers, door):
            await makers.hear(told(SALE))
            await city.turn("miit", pushes=True, absent=[])
            await makers.hear(told(SaleCorrectedV1(vin=VIN, motor_no="TZ213XS0002", reason="更正"), 2))
            await door.until(1)
        assert [heard["data"]["motor_no"] for _, heard in door.heard] == ["TZ213XS0002"]

    play(scenario)
