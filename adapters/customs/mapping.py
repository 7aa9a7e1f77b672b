"""Customs' single window: names of the declaration form (entryId, codeTs, tradeCountry), compact dates, kilograms."""

from __future__ import annotations

from adapters.bindings.files import MESSAGE_ID
from adapters.reading import fields
from adapters.spec import Json, Reply
from adapters.writing import present
from contracts.export import ExportDeclareV1, ExportExitedV1, ExportReleasedV1, ExportTrackV1


def declaration(command: ExportDeclareV1) -> dict[str, Json]:
    """The export declaration of one car."""
    return present(
        {
            "vinNo": command.vin,
            "engineNo": command.engine_no,
            "motorNo": command.motor_no,
            "gModel": command.model,
            "fuelType": command.fuel_kind,
            "netWt": command.curb_mass,
            "tradeCoScc": command.exporter_uscc,
            "codeTs": command.hs_code,
            "tradeCountry": command.destination,
            "licenseNo": command.licence_no,
        }
    )


def receipt_of(_: ExportDeclareV1 | ExportTrackV1, key: str) -> dict[str, Json]:
    """Which document's receipt to fetch."""
    return {MESSAGE_ID: key}


def release(_: ExportDeclareV1, reply: Reply) -> ExportReleasedV1:
    """The release."""
    answer = fields(reply)
    return ExportReleasedV1(
        vin=answer.text("vinNo"), decl_no=answer.text("entryId"), decl_date=answer.compact_day("declareDate")
    )


def exit_query(command: ExportTrackV1) -> dict[str, Json]:
    """The declaration to look for."""
    return {"vinNo": command.vin, "entryId": command.decl_no}


def exit_record(_: ExportTrackV1, reply: Reply) -> ExportExitedV1:
    """The exit."""
    answer = fields(reply)
    return ExportExitedV1(
        vin=answer.text("vinNo"), decl_no=answer.text("entryId"), exited_on=answer.compact_day("exitDate")
    )
