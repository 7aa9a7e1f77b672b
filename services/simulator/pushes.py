"""MIIT tells of certificates as the makers upload them, to whoever wants to hear: since 23 June 2026 it shares them so.

A courtesy and no more: what cannot be told within moments is not told, and whoever did not hear it asks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from contracts.types import FuelKind
from observability import logs
from services.runtime.settings import Settings
from services.simulator.makers import FUELS
from services.simulator.world import World

TYPE: Final = "tongche.coc.confirmed.v1"
_KINDS: Final[dict[str, FuelKind]] = {word: kind for kind, word in FUELS.items()}
_PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0)
_TIMEOUT_S: Final = 10.0
_AT_ONCE: Final = 4


@dataclass(slots=True)
class Pushes:
    """What is to be told at `door`, the address of notices, with MIIT's token there."""

    world: World
    door: str
    token: str = field(repr=False)
    _waiting: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def uploaded(self, vin: str) -> None:
        """A maker has uploaded the certificate of a car: it is told, where the knob is turned so."""
        faults = self.world.country.faults("miit")
        if faults.pushes and self.token and vin not in faults.absent:
            self._waiting.put_nowait(vin)

    async def run(self) -> None:
        """Tell for as long as the simulator lives."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self.token}"}
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http, asyncio.TaskGroup() as tellers:
            for _ in range(_AT_ONCE):
                tellers.create_task(self._tell_all(http))

    async def _tell_all(self, http: aiohttp.ClientSession) -> None:
        while True:
            record = self.world.country.miit.uploaded(await self._waiting.get())
            if record is not None:
                await self._tell(http, notice(record))

    async def _tell(self, http: aiohttp.ClientSession, told: Mapping[str, Any]) -> None:
        for pause_s in _PAUSES_S:
            status = await _posted(http, self.door, told)
            if status == HTTPStatus.ACCEPTED:
                return
            if status is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR:
                break  # said again it would be refused again
            await asyncio.sleep(pause_s)
        logs.get().warning("push_given_up", id=told["id"])


def pushes(world: World, settings: Settings) -> Pushes:
    """At dispatch of this installation, with the token that it made for MIIT; without one nothing is told."""
    tokens = json.loads(settings.secrets.read_bytes()).get("organisation_tokens", {})
    door = f"{settings.dispatch_url.rstrip('/')}/v1/organisations/miit/notices"
    return Pushes(world, door, tokens.get("miit", ""))


async def _posted(http: aiohttp.ClientSession, door: str, told: Mapping[str, Any]) -> int | None:
    try:
        async with http.post(door, json=told) as answer:
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return None


def notice(record: Mapping[str, Any]) -> dict[str, Any]:
    """A certificate on record, as it is told; the same record has the same id."""
    told = {
        "vin": record["vin"],
        "coc_no": record["certificateNo"],
        "coc_hash": record["digest"],
        "engine_no": record["engineNo"] or None,
        "motor_no": record["driveMotorNo"] or None,
        "model": record["brandModel"],
        "fuel_kind": _KINDS[record["fuelType"]],
        "seats": record["ratedSeats"],
        "curb_mass": record["curbWeightKg"],
        "displacement": record["displacementMl"],
        "mfg_date": datetime.strptime(record["manufactureDate"], "%Y%m%d").date().isoformat(),  # noqa: DTZ007 - a day
        "nev_catalogue": record["nevTaxCatalogue"] == "Y",
    }
    data = {name: value for name, value in told.items() if value is not None}
    return {"id": f"GX-{record['digest']}", "type": TYPE, "data": data}
