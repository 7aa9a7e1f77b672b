"""The makers' plants: whatever car is sold, its certificate reaches MIIT a moment later, as the plant knows the car."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contracts.contract import Contract
from contracts.envelope import Message
from contracts.sale import SaleConfirmedV3, SaleCorrectedV1
from contracts.types import FuelKind
from services.simulator.world import World

FUELS: Final[dict[FuelKind, str]] = {
    "ICE": "汽油",
    "HEV": "混合动力",
    "PHEV": "插电式混合动力",
    "EREV": "增程式混合动力",
    "BEV": "纯电动",
    "FCEV": "燃料电池",
}
_CORRECTIBLE: Final = {
    "certificateNo": "coc_no",
    "engineNo": "engine_no",
    "driveMotorNo": "motor_no",
    "brandModel": "model",
}


@dataclass(frozen=True, slots=True)
class Makers:
    """All makers. A car has one certificate: a second sale of it uploads nothing, a correction uploads anew."""

    world: World
    uploaded: Callable[[str], None] = lambda _: None
    """Told of every car whose certificate MIIT has now."""

    async def hear(self, message: Message[Contract]) -> None:
        """Do what the plant does about a sale; heard again, nothing more comes of it."""
        key = f"maker-{message.envelope.id}"
        match message.data:
            case SaleConfirmedV3() as sale if self.world.country.miit.uploaded(sale.vin) is None:
                altered = self.world.country.faults("miit").altered.get(sale.vin, {})
                await self._upload(key, certificate(sale) | altered)
            case SaleCorrectedV1() as correction:
                await self._correct(key, correction)

    async def _correct(self, key: str, correction: SaleCorrectedV1) -> None:
        before = self.world.country.miit.uploaded(correction.vin)
        if before is not None:
            await self._upload(key, corrected(before, correction))

    async def _upload(self, key: str, body: dict[str, Any]) -> None:
        await self.world.handle("miit", "/certificates", key, body)
        self.uploaded(body["vin"])


def certificate(sale: SaleConfirmedV3) -> dict[str, Any]:
    """The certificate of a car, as its plant writes it. Whether the model is in the catalogue is MIIT's to know."""
    return {
        "vin": sale.vin,
        "certificateNo": sale.coc_no,
        "engineNo": sale.engine_no or "",
        "driveMotorNo": sale.motor_no or "",
        "brandModel": sale.model,
        "fuelType": FUELS[sale.fuel_kind],
        "ratedSeats": sale.seats,
        "curbWeightKg": sale.curb_mass,
        "displacementMl": sale.displacement,
        "manufactureDate": f"{sale.mfg_date:%Y%m%d}",
    }


def corrected(before: Mapping[str, Any], correction: SaleCorrectedV1) -> dict[str, Any]:
    """The certificate with what the maker corrected; a correction of price or buyer changes nothing here."""
    told = {theirs: getattr(correction, ours) for theirs, ours in _CORRECTIBLE.items()}
    kept = {name: value for name, value in before.items() if name not in {"digest", "nevTaxCatalogue"}}
    return kept | {name: value for name, value in told.items() if value is not None}
