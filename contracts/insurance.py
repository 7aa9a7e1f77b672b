"""Insurers: compulsory traffic cover 交强险, with the vehicle and vessel tax that they withhold."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from . import types as t
from .contract import Contract
from .versions import Versions


class InsuranceQuoteV1(Contract):
    """Ask what a year of compulsory cover costs."""

    vin: t.Vin
    engine_no: t.PowerUnitNo | None = None
    motor_no: t.PowerUnitNo | None = None
    model: t.Text
    fuel_kind: t.FuelKind
    seats: Annotated[int, Field(ge=1, le=9)]
    displacement: Annotated[int, Field(ge=100, le=10_000)] | None = None
    curb_mass: Annotated[int, Field(ge=200, le=5000)]
    invoice_no: t.InvoiceNo
    invoice_date: t.Day
    region: t.Division
    start_date: t.Day


class InsuranceQuotedV1(Contract):
    """The insurer's price, in fen: the premium and the vessel tax `vvt` that is withheld with it."""

    vin: t.Vin
    quote_no: t.Reference
    premium: t.Fen
    vvt: t.Fen


class InsuranceBindV1(Contract):
    """Take the cover of a quote, premium paid up front (CTPL 12)."""

    vin: t.Vin
    quote_no: t.Reference
    premium: t.Fen
    vvt: t.Fen
    start_date: t.Day
    buyer_name: t.Text
    buyer_id_type: t.IdType
    buyer_id_no: t.IdNo
    phone: t.Phone
    address: t.Text | None = None


class InsuranceBoundV1(Contract):
    """The policy. One-year term (CTPL 20)."""

    vin: t.Vin
    policy_no: t.PolicyNo
    insurer_uscc: t.Uscc
    premium: t.Fen
    vvt: t.Fen
    start_date: t.Day
    end_date: t.Day


class InsuranceEndorseV1(Contract):
    """Write the plate into the policy, after registration."""

    vin: t.Vin
    policy_no: t.PolicyNo
    plate_no: t.PlateNo


class InsuranceEndorsedV1(Contract):
    """The policy names the plate."""

    vin: t.Vin
    policy_no: t.PolicyNo
    plate_no: t.PlateNo


class InsuranceCancelV1(Contract):
    """End a policy: of a car that was never registered by the insurer's own rule, of one struck off by CTPL 16.

    Who does not name a ground wrote before there were two, and means the first.
    """

    vin: t.Vin
    policy_no: t.PolicyNo
    cancel_ground: Literal["NOT_REGISTERED", "DEREGISTERED"] = "NOT_REGISTERED"
    reason: t.Reason


class InsuranceCancelledV1(Contract):
    """The policy is undone."""

    vin: t.Vin
    policy_no: t.PolicyNo
    refund: t.Fen


def _insurer(name: str, kind: Literal["command", "event"], purpose: str, model: type[Contract]) -> Versions:
    return Versions(name, kind, "insurer", purpose, (model,))


INSURANCE_QUOTE: Final = _insurer("insurance.quote", "command", "price the compulsory cover", InsuranceQuoteV1)
INSURANCE_QUOTED: Final = _insurer("insurance.quoted", "event", "the price of the cover", InsuranceQuotedV1)
INSURANCE_BIND: Final = _insurer("insurance.bind", "command", "take the cover", InsuranceBindV1)
INSURANCE_BOUND: Final = _insurer("insurance.bound", "event", "the policy", InsuranceBoundV1)
INSURANCE_ENDORSE: Final = _insurer(
    "insurance.endorse", "command", "write the plate into the policy", InsuranceEndorseV1
)
INSURANCE_ENDORSED: Final = _insurer("insurance.endorsed", "event", "the policy names the plate", InsuranceEndorsedV1)
INSURANCE_CANCEL: Final = _insurer("insurance.cancel", "command", "undo a policy", InsuranceCancelV1)
INSURANCE_CANCELLED: Final = _insurer("insurance.cancelled", "event", "the policy is undone", InsuranceCancelledV1)
