"""Insurers: compulsory traffic cover 交强险, with the vehicle and vessel tax that they withhold."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from . import types as t
from .contract import Contract, Part
from .versions import Loss, Versions

_FIRST: Final = date(1, 1, 2)


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


class _Policy(Contract):
    """What every version tells of a policy."""

    vin: t.Vin
    policy_no: t.PolicyNo
    insurer_uscc: t.Uscc
    premium: t.Fen


class InsuranceBoundV1(_Policy):
    """The policy, by days. One-year term (CTPL 20)."""

    vvt: t.Fen
    start_date: t.Day
    end_date: t.Day


class _Hours(_Policy):
    """A cover that begins at an hour."""

    start_at: t.Instant
    end_at: t.Instant

    @property
    def start_date(self) -> date:
        """The day in China on which the cover begins."""
        return _day(self.start_at)

    @property
    def end_date(self) -> date:
        """The day in China on which the cover ends."""
        return _day(self.end_at)


class InsuranceBoundV2(_Hours):
    """The policy, by the hour: compulsory cover may begin at once, and a car must not be driven before it does."""

    vvt: t.Fen


class VesselTax(Part):
    """The vehicle and vessel tax that the insurer withholds, and the fee for what is withheld late, in fen."""

    vvt: t.Fen
    vvt_late_fee: t.Fen = 0


class InsuranceBoundV3(_Hours):
    """The policy, with the fee for vessel tax that is paid late apart from the tax: each has a receipt of its own."""

    withheld: VesselTax

    @property
    def vvt(self) -> int:
        """The tax alone, in fen."""
        return self.withheld.vvt


def upcast_bound_v1_v2(old: InsuranceBoundV1) -> InsuranceBoundV2:
    """A day of old began, and ended, with its first hour."""
    return InsuranceBoundV2.model_construct(
        **_policy(old), vvt=old.vvt, start_at=_midnight(old.start_date), end_at=_midnight(old.end_date)
    )


def downcast_bound_v2_v1(new: InsuranceBoundV2) -> InsuranceBoundV1:
    """The days in China alone."""
    return InsuranceBoundV1.model_construct(
        **_policy(new), vvt=new.vvt, start_date=new.start_date, end_date=new.end_date
    )


def upcast_bound_v2_v3(old: InsuranceBoundV2) -> InsuranceBoundV3:
    """Before v3 nobody told a fee."""
    return InsuranceBoundV3.model_construct(
        **_policy(old), start_at=old.start_at, end_at=old.end_at, withheld=VesselTax.model_construct(vvt=old.vvt)
    )


def downcast_bound_v3_v2(new: InsuranceBoundV3) -> InsuranceBoundV2:
    """The tax without its fee."""
    return InsuranceBoundV2.model_construct(
        **_policy(new), start_at=new.start_at, end_at=new.end_at, vvt=new.withheld.vvt
    )


def by_hours(told: InsuranceBoundV1) -> InsuranceBoundV3:
    """The newest form of a policy that was told by days."""
    return upcast_bound_v2_v3(upcast_bound_v1_v2(told))


def _policy(told: _Policy) -> dict[str, Any]:
    return {name: getattr(told, name) for name in _Policy.model_fields}


def _midnight(day: date) -> datetime:
    # The first day of the year 1 began in China when no calendar had begun elsewhere: no such moment can be written.
    return datetime.combine(max(day, _FIRST), time(), t.CHINA)


def _day(moment: datetime) -> date:
    return moment.astimezone(t.CHINA).date()


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
INSURANCE_BOUND: Final = Versions(
    name="insurance.bound",
    kind="event",
    owner="insurer",
    purpose="the policy",
    models=(InsuranceBoundV1, InsuranceBoundV2, InsuranceBoundV3),
    upcasts=(upcast_bound_v1_v2, upcast_bound_v2_v3),
    downcasts=(downcast_bound_v2_v1, downcast_bound_v3_v2),
    losses=(
        Loss("保险起止的钟点", "the hour at which the cover begins and ends", ("start_at", "end_at")),
        Loss("车船税滞纳金", "the fee for vessel tax that was withheld late", ("withheld",)),
    ),
)
INSURANCE_ENDORSE: Final = _insurer(
    "insurance.endorse", "command", "write the plate into the policy", InsuranceEndorseV1
)
INSURANCE_ENDORSED: Final = _insurer("insurance.endorsed", "event", "the policy names the plate", InsuranceEndorsedV1)
INSURANCE_CANCEL: Final = _insurer("insurance.cancel", "command", "undo a policy", InsuranceCancelV1)
INSURANCE_CANCELLED: Final = _insurer("insurance.cancelled", "event", "the policy is undone", InsuranceCancelledV1)
