"""Insurers wrap every answer in `data`, write litres and tonnes as text, money in yuan, and their own energy codes."""

from __future__ import annotations

from typing import Final

from adapters.reading import Fields, fields
from adapters.spec import Json, Reply
from adapters.writing import day, present, thousandths, yuan
from contracts.insurance import (
    InsuranceBindV1,
    InsuranceBoundV1,
    InsuranceBoundV3,
    InsuranceCancelledV1,
    InsuranceCancelV1,
    InsuranceEndorsedV1,
    InsuranceEndorseV1,
    InsuranceQuotedV1,
    InsuranceQuoteV1,
    by_hours,
)
from contracts.types import FuelKind, IdType

ENERGIES: Final[dict[FuelKind, str]] = {"ICE": "0", "BEV": "1", "FCEV": "2", "PHEV": "3", "HEV": "4", "EREV": "5"}
DOCUMENTS: Final[dict[IdType, str]] = {
    "RESIDENT_ID": "01",
    "PASSPORT": "02",
    "HK_MACAO_TAIWAN_PERMIT": "05",
    "USCC": "37",
    "FOREIGN_PERMANENT_RESIDENT": "40",
}

GROUNDS: Final = {"NOT_REGISTERED": "31", "DEREGISTERED": "16"}


def quotation_request(command: InsuranceQuoteV1) -> dict[str, Json]:
    """The car to price."""
    return present(
        {
            "frameNo": command.vin,
            "engineNo": command.engine_no,
            "motorNo": command.motor_no,
            "vehicleModel": command.model,
            "energyType": ENERGIES[command.fuel_kind],
            "seatCount": command.seats,
            "exhaustLitres": None if command.displacement is None else thousandths(command.displacement),
            "wholeWeightTonnes": thousandths(command.curb_mass),
            "invoiceNo": command.invoice_no,
            "invoiceDate": day(command.invoice_date),
            "areaCode": command.region,
            "startDate": day(command.start_date),
        }
    )


def quotation(_: InsuranceQuoteV1, reply: Reply) -> InsuranceQuotedV1:
    """The price."""
    data = _data(reply)
    return InsuranceQuotedV1(
        vin=data.text("frameNo"),
        quote_no=data.text("quotationNo"),
        premium=data.yuan("compulsoryPremium"),
        vvt=data.yuan("vesselTax"),
    )


def proposal(command: InsuranceBindV1) -> dict[str, Json]:
    """The cover to take, with who takes it."""
    return {
        "frameNo": command.vin,
        "quotationNo": command.quote_no,
        "compulsoryPremium": yuan(command.premium),
        "vesselTax": yuan(command.vvt),
        "startDate": day(command.start_date),
        "insured": present(
            {
                "name": command.buyer_name,
                "documentType": DOCUMENTS[command.buyer_id_type],
                "documentNo": command.buyer_id_no,
                "mobile": command.phone,
                "address": command.address,
            }
        ),
    }


def policy(_: InsuranceBindV1, reply: Reply) -> InsuranceBoundV3:
    """The policy. Insurers tell days: a cover begins and ends with the first hour of its day."""
    data = _data(reply)
    by_days = InsuranceBoundV1(
        vin=data.text("frameNo"),
        policy_no=data.text("policyNo"),
        insurer_uscc=data.text("companyCode"),
        premium=data.yuan("compulsoryPremium"),
        vvt=data.yuan("vesselTax"),
        start_date=data.day("startDate"),
        end_date=data.day("endDate"),
    )
    return by_hours(by_days)


def endorsement(command: InsuranceEndorseV1) -> dict[str, Json]:
    """The plate to write into the policy."""
    return {"frameNo": command.vin, "policyNo": command.policy_no, "licensePlate": command.plate_no}


def endorsed(_: InsuranceEndorseV1, reply: Reply) -> InsuranceEndorsedV1:
    """The policy with its plate."""
    data = _data(reply)
    return InsuranceEndorsedV1(
        vin=data.text("frameNo"), policy_no=data.text("policyNo"), plate_no=data.text("licensePlate")
    )


def cancellation(command: InsuranceCancelV1) -> dict[str, Json]:
    """The policy to undo."""
    return {
        "frameNo": command.vin,
        "policyNo": command.policy_no,
        "cancelType": GROUNDS[command.cancel_ground],
        "cancelReason": command.reason,
    }


def cancelled(_: InsuranceCancelV1, reply: Reply) -> InsuranceCancelledV1:
    """What is paid back."""
    data = _data(reply)
    return InsuranceCancelledV1(
        vin=data.text("frameNo"), policy_no=data.text("policyNo"), refund=data.yuan("refundAmount")
    )


def _data(reply: Reply) -> Fields:
    return fields(reply).part("data")
