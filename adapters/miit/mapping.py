"""MIIT speaks of certificates in plain JSON: kilograms, millilitres, compact dates, fuels by their Chinese names."""

from __future__ import annotations

from typing import Final

from adapters.reading import fields
from adapters.spec import Json, Reply
from contracts.certificate import CocConfirmedV1, CocQueryV1
from contracts.types import FuelKind

FUELS: Final[dict[str, FuelKind]] = {
    "汽油": "ICE",
    "柴油": "ICE",
    "混合动力": "HEV",
    "插电式混合动力": "PHEV",
    "增程式混合动力": "EREV",
    "纯电动": "BEV",
    "燃料电池": "FCEV",
}
_YES_NO: Final = {"Y": True, "N": False}


def certificate_query(command: CocQueryV1) -> dict[str, Json]:
    """Which certificate we ask for."""
    return {"vin": command.vin, "certificateNo": command.coc_no}


def certificate(_: CocQueryV1, reply: Reply) -> CocConfirmedV1:
    """The certificate on record."""
    record = fields(reply)
    return CocConfirmedV1(
        vin=record.text("vin"),
        coc_no=record.text("certificateNo"),
        coc_hash=record.text("digest"),
        engine_no=record.text_or_none("engineNo"),
        motor_no=record.text_or_none("driveMotorNo"),
        model=record.text("brandModel"),
        fuel_kind=record.one_of("fuelType", FUELS),
        seats=record.whole("ratedSeats"),
        curb_mass=record.whole("curbWeightKg"),
        displacement=record.whole_or_none("displacementMl"),
        mfg_date=record.compact_day("manufactureDate"),
        nev_catalogue=record.one_of("nevTaxCatalogue", _YES_NO),
    )
