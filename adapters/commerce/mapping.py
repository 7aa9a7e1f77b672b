"""Commerce writes `declarant`-style English names and counts cars as whole numbers."""

from __future__ import annotations

from typing import Final

from adapters.reading import fields
from adapters.spec import Json, Reply
from adapters.writing import day, present
from contracts.export import ExportQualifiedV1, ExportQualifyV1, LicenceApplyV1, LicenceIssuedV1
from contracts.types import FuelKind

POWERS: Final[dict[FuelKind, str]] = {
    "ICE": "FUEL",
    "HEV": "HYBRID",
    "PHEV": "PLUGIN",
    "EREV": "RANGE_EXTENDED",
    "BEV": "ELECTRIC",
    "FCEV": "FUEL_CELL",
}


def qualification_request(command: ExportQualifyV1) -> dict[str, Json]:
    """Whose car, exported by whom, where to."""
    return present(
        {
            "vehicleId": command.vin,
            "vehicleModel": command.model,
            "powerType": POWERS[command.fuel_kind],
            "manufacturerCode": command.maker_uscc,
            "exporterCode": command.exporter_uscc,
            "goodsCode": command.hs_code,
            "countryCode": command.destination,
            "cccNo": command.ccc_no,
        }
    )


def qualification(_: ExportQualifyV1, reply: Reply) -> ExportQualifiedV1:
    """The check that was passed."""
    answer = fields(reply)
    return ExportQualifiedV1(vin=answer.text("vehicleId"), qualification_no=answer.text("verificationNo"))


def licence_request(command: LicenceApplyV1) -> dict[str, Json]:
    """The licence to issue, or the one that the exporter holds."""
    return present(
        {
            "vehicleId": command.vin,
            "vehicleModel": command.model,
            "powerType": POWERS[command.fuel_kind],
            "manufacturerCode": command.maker_uscc,
            "exporterCode": command.exporter_uscc,
            "goodsCode": command.hs_code,
            "countryCode": command.destination,
            "verificationNo": command.qualification_no,
            "heldLicenceNo": command.licence_no,
            "applyDate": day(command.applied_on),
        }
    )


def licence_query(command: LicenceApplyV1) -> dict[str, Json]:
    """Which application is meant, whatever number it was given there."""
    return {
        "vehicleId": command.vin,
        "exporterCode": command.exporter_uscc,
        "verificationNo": command.qualification_no,
        "applyDate": day(command.applied_on),
    }


def licence(_: LicenceApplyV1, reply: Reply) -> LicenceIssuedV1:
    """The licence."""
    answer = fields(reply)
    return LicenceIssuedV1(
        vin=answer.text("vehicleId"),
        licence_no=answer.text("licenceNo"),
        licence_qty=answer.whole("licensedQty"),
        licence_used=answer.whole("usedQty"),
        licence_expiry=answer.day("validUntil"),
    )
