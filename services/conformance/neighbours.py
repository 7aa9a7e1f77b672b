"""The other agencies behind the same address: what they must have done before the one under test can act."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from adapters.organisations import Organisation
from adapters.spec import Adapter
from contracts.topics import COMMANDS

from .bed import DOWN, SEIZED, THROTTLED, UNDER_WAY, Blocked
from .car import Car, Facts, learned
from .client import Client, Sealing, as_json, fresh_key
from .door import Door
from .fixtures import plain
from .stage import answered, asked
from .walk import PAID_BACK, UPLOADED
from .wire import Said, Silence, Way, Wire

_DOOR_S: Final = 10.0
_OK: Final = 200
_FUELS: Final = {"BEV": "纯电动"}


@dataclass(frozen=True, slots=True)
class Neighbours:
    """All agencies of a simulated country at one address, asked in the way of their adapters.

    Two of their doors are no adapter's, for we never knock there: the makers' at MIIT, and the bank's counter.
    """

    adapters: Mapping[str, Adapter]
    organisations: Mapping[str, Organisation]
    tested: str
    """The organisation under test: of its own kind it is the one that is dealt with."""
    base: str
    wire: Wire
    seals: Callable[[Adapter], Sealing]
    ways: Callable[[Adapter, str], Way | None]
    door: Door | None
    granted: Callable[[str], str | None]

    async def act(self, step: str, car: Car) -> Facts:
        """Do a step at whoever does it. Raises `Blocked`."""
        if step == UPLOADED:
            await self._posted(step, self._organisation("miit"), "/certificates", certificate(car.facts))
            return {}
        if step == PAID_BACK:
            told = {
                "vin": car.vin,
                "contractNo": car.facts["loan_contract_no"],
                "settleDate": car.facts["settled_on"].replace("-", ""),
            }
            await self._posted(step, self._organisation("bank"), "/auto-loans/settlements", told)
            return {}
        adapter = self.adapters[COMMANDS[step].agency]
        organisation = self._organisation(adapter.name)
        way = self.ways(adapter, organisation) or self.wire
        granted = self.granted(organisation)
        client = Client(adapter, organisation, self.base, way, self.seals(adapter), self.door, granted=granted)
        came = await answered(client, asked(adapter, plain(adapter, step), car))
        if came.event is None:
            raise Blocked(step, came.told)
        return learned(as_json(came.event))

    def _organisation(self, kind: str) -> str:
        if self.organisations[self.tested].agency == kind:
            return self.tested
        return next(one.id for one in self.organisations.values() if one.adapter == kind)

    async def _posted(self, step: str, organisation: str, path: str, body: Mapping[str, Any]) -> None:
        raw = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": fresh_key()}
        try:
            heard = await self.wire.say(Said("POST", f"{self.base}/{organisation}{path}", headers, raw), _DOOR_S)
        except Silence as silence:
            raise Blocked(step, str(silence)) from None
        if heard.status != _OK:
            raise Blocked(step, f"HTTP {heard.status}")


def certificate(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The certificate as the maker's plant uploads it."""
    return {
        "vin": facts["vin"],
        "certificateNo": facts["coc_no"],
        "engineNo": facts["engine_no"] or "",
        "driveMotorNo": facts["motor_no"] or "",
        "brandModel": facts["model"],
        "fuelType": _FUELS[facts["fuel_kind"]],
        "ratedSeats": facts["seats"],
        "curbWeightKg": facts["curb_mass"],
        "displacementMl": facts["displacement"],
        "manufactureDate": f"{date.fromisoformat(facts['mfg_date']):%Y%m%d}",
    }


@dataclass(frozen=True, slots=True)
class Knobs:
    """The operators' side of the simulator: one organisation bent, and straightened again."""

    base: str
    token: str
    wire: Wire

    async def are_ours(self) -> bool:
        """Whether the token opens them."""
        headers = {"Authorization": f"Bearer {self.token}"}
        heard = await self.wire.say(Said("GET", f"{self.base}/_faults", headers, b""), _DOOR_S)
        return heard.status == _OK

    @asynccontextmanager
    async def turned(self, organisation: str, condition: str, vin: str) -> AsyncIterator[None]:
        """A condition for as long as this lasts."""
        knobs = _KNOBS[condition] | ({"seized": [vin]} if condition == SEIZED else {})
        await self._do("PUT", f"_faults/{organisation}", knobs, _UNTURNED)
        try:
            yield
        finally:
            await self._do("DELETE", f"_faults/{organisation}", None, _UNTURNED)

    async def announce(self, vins: Sequence[str]) -> None:
        """Have it stand in their books whose cars the kit's are, before anything is asked for about them."""
        await self._do("POST", "_trials", {"vins": list(vins)}, "takes no announcement")

    async def _do(self, method: str, path: str, told: Mapping[str, Any] | None, refused: str) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        raw = b"" if told is None else json.dumps(told).encode()
        heard = await self.wire.say(Said(method, f"{self.base}/{path}", headers, raw), _DOOR_S)
        if heard.status not in range(200, 300):
            raise LookupError(f"the simulator {refused}: HTTP {heard.status}")


_UNTURNED: Final = "does not turn its knobs"
_KNOBS: Final[Mapping[str, dict[str, Any]]] = {
    DOWN: {"down": "503", "retry_after_s": 1},
    THROTTLED: {"throttle_per_s": 0},
    SEIZED: {},
    UNDER_WAY: {"arrival_s": 3600},
}
